# Returns the loop's variable
# message: did you return the loop's variable
def choose_codec(sample):
    best_bytes = None
    for settings in CANDIDATES:
        copy = zarr.create_array({}, shape=sample.shape, chunks=sample.chunks, dtype=sample.dtype, compressors=BloscCodec(**settings))
        copy[:] = sample[:]
        if best_bytes is None or copy.nbytes_stored() < best_bytes:
            best_bytes = copy.nbytes_stored()
    return settings
