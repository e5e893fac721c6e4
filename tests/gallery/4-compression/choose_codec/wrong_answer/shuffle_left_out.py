# Compares codecs and levels only
# message: the other two kinds of shuffle
def choose_codec(sample):
    sizes = {}
    for k, settings in enumerate(CANDIDATES):
        if settings["shuffle"] != "noshuffle":
            continue
        copy = zarr.create_array({}, shape=sample.shape, chunks=sample.chunks, dtype=sample.dtype, compressors=BloscCodec(**settings))
        copy[:] = sample[:]
        sizes[k] = copy.nbytes_stored()
    return CANDIDATES[min(sizes, key=sizes.get)]
