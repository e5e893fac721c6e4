# dask, one slab at a time: store into the array that exists
def save_chunked(frames, path, shape, chunks, dtype):
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype)
    for start in range(0, shape[0], chunks[0]):
        stop = min(start + chunks[0], shape[0])
        slab = np.stack([next(frames) for _ in range(start, stop)])
        da.store(da.from_array(slab, chunks=chunks), array, regions=(slice(start, stop), slice(None), slice(None)))
    return array
