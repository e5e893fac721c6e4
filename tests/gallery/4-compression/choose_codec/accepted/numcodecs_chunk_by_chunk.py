# Encodes the chunks with numcodecs, full chunks padded with zeros as zarr does, without any array
import itertools
from numcodecs import Blosc


def choose_codec(sample):
    shuffles = {"noshuffle": Blosc.NOSHUFFLE, "shuffle": Blosc.SHUFFLE, "bitshuffle": Blosc.BITSHUFFLE}
    total = {}
    for corner in itertools.product(*(range(0, n, c) for n, c in zip(sample.shape, sample.chunks))):
        chunk = np.zeros(sample.chunks, sample.dtype)
        part = sample[tuple(slice(a, a + c) for a, c in zip(corner, sample.chunks))]
        chunk[tuple(slice(0, n) for n in part.shape)] = part
        if not chunk.any():
            continue
        for k, s in enumerate(CANDIDATES):
            blosc = Blosc(s["cname"], s["clevel"], shuffles[s["shuffle"]])
            total[k] = total.get(k, 0) + len(blosc.encode(chunk))
    return CANDIDATES[min(total, key=total.get)]
