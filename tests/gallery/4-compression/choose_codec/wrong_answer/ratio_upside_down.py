# stored / raw, and the largest wins
# message: upside down
def choose_codec(sample):
    best_ratio = 0
    for settings in CANDIDATES:
        copy = zarr.create_array({}, shape=sample.shape, chunks=sample.chunks, dtype=sample.dtype, compressors=BloscCodec(**settings))
        copy[:] = sample[:]
        ratio = copy.nbytes_stored() / copy.nbytes
        if ratio > best_ratio:
            best_ratio, best = ratio, settings
    return best
