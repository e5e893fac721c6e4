# Measures copies into which nothing was written
# message: Did you write the numbers (`copy[:] = values`)
def choose_codec(sample):
    best, best_bytes = None, None
    for settings in CANDIDATES:
        copy = zarr.create_array({}, shape=sample.shape, chunks=sample.chunks, dtype=sample.dtype, compressors=BloscCodec(**settings))
        if best is None or copy.nbytes_stored() < best_bytes:
            best, best_bytes = settings, copy.nbytes_stored()
    return best
