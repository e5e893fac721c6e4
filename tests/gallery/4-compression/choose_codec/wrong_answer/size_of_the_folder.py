# st_size of the folder, which is the same for all
# message: own st_size is not its content
def choose_codec(sample):
    best_ratio = 0
    for number, settings in enumerate(CANDIDATES):
        path = fresh(f"try_{number}.zarr")
        copy = zarr.create_array(path, shape=sample.shape, chunks=sample.chunks, dtype=sample.dtype, compressors=BloscCodec(**settings))
        copy[:] = sample[:]
        ratio = copy.nbytes / path.stat().st_size
        if ratio > best_ratio:
            best_ratio, best = ratio, settings
    return best
