# message: not zarr.json
def codec_table(sample, chunks, names):
    table = {}
    for name in names:
        path = fresh("codec")
        array = zarr.create_array(path, shape=sample.shape, chunks=chunks, dtype=sample.dtype, compressors=CODECS[name])
        began = time.perf_counter()
        array[:] = sample
        written = time.perf_counter()
        array[:]
        read = time.perf_counter()
        on_disk = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        table[name] = (sample.nbytes / on_disk, written - began, read - written)
    return table
