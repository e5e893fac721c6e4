# dask: pad to even sizes with the edge, coarsen, store with its default lock
def downsample2(level_in, level_out):
    x = da.from_zarr(level_in, chunks=tuple(2 * c for c in level_out.chunks))
    x = da.pad(x, [(0, n % 2) for n in x.shape], mode="edge")
    x = x.rechunk(tuple(2 * c for c in level_out.chunks))
    mean = da.coarsen(np.mean, x, {0: 2, 1: 2, 2: 2})
    da.store(da.rint(mean).astype(level_out.dtype), level_out)
