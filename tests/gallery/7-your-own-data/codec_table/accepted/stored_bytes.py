def codec_table(sample, chunks, names):
    def measure_one(name):
        array = zarr.create_array(fresh(name.replace(" ", "_")), shape=sample.shape, chunks=chunks, dtype=sample.dtype, compressors=CODECS[name])
        start = time.perf_counter()
        array[...] = sample
        middle = time.perf_counter()
        assert np.array_equal(array[...], sample)
        end = time.perf_counter()
        files = [file for file in Path(array.store.root).rglob("*") if file.is_file()]
        size = sum(len(file.read_bytes()) for file in files if file.suffix != ".json")
        return sample.nbytes / size, middle - start, end - middle

    return {name: measure_one(name) for name in names}
