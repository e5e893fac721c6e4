# dask's rechunk: one graph that needs most of the movie
def rechunk_to(source, target_path, chunks, max_bytes):
    target = zarr.create_array(
        target_path, shape=source.shape, chunks=chunks, dtype=source.dtype, attributes=dict(source.attrs)
    )
    nt, ny, nx = source.shape
    da.store(da.from_zarr(source).rechunk(chunks), target, lock=False)
    return target
