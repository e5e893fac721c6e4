# Tries the highest level, which is not among the candidates
# message: loop over CANDIDATES itself
def choose_codec(sample):
    sizes = {}
    for shuffle in ("noshuffle", "shuffle", "bitshuffle"):
        settings = {"cname": "zstd", "clevel": 9, "shuffle": shuffle}
        copy = zarr.create_array({}, shape=sample.shape, chunks=sample.chunks, dtype=sample.dtype, compressors=BloscCodec(**settings))
        copy[:] = sample[:]
        sizes[copy.nbytes_stored()] = settings
    return sizes[min(sizes)]
