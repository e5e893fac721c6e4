# dask: rechunk to whole columns along z, 'to be safe at the borders'
def downsample2(level_in, level_out):
    x = da.from_zarr(level_in)
    x = da.pad(x, [(0, n % 2) for n in x.shape], mode="edge")
    x = x.rechunk((-1, -1, 2 * level_out.chunks[2]))
    mean = da.coarsen(np.mean, x, {0: 2, 1: 2, 2: 2})
    da.store(da.rint(mean).astype(level_out.dtype), level_out)
