# message: with the codec CODECS[
def codec_table(sample, chunks, names):
    table = {}
    for name in names:
        path = fresh("codec")
        array = zarr.create_array(path, shape=sample.shape, chunks=chunks, dtype=sample.dtype, compressors="auto")
        began = time.perf_counter()
        array[:] = sample
        written = time.perf_counter()
        array[:]
        read = time.perf_counter()
        on_disk = sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and file.name != "zarr.json")
        table[name] = (sample.nbytes / on_disk, written - began, read - written)
    return table
