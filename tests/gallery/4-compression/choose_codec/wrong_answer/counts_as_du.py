# Adds up blocks of 4 KiB, as du does
# message: as du and file managers count
def choose_codec(sample):
    sizes = []
    for number, settings in enumerate(CANDIDATES):
        path = fresh(f"try_{number}.zarr")
        copy = zarr.create_array(path, shape=sample.shape, chunks=sample.chunks, dtype=sample.dtype, compressors=BloscCodec(**settings))
        copy[:] = sample[:]
        sizes.append(sum(-(-file.stat().st_size // 4096) * 4096 for file in path.rglob("*") if file.is_file()))
    return CANDIDATES[sizes.index(min(sizes))]
