# dask: everything as float64, computed, then written
def downsample2(level_in, level_out):
    x = da.from_zarr(level_in).astype("float64")
    x = da.pad(x, [(0, n % 2) for n in x.shape], mode="edge")
    x = x.rechunk(tuple(c + c % 2 for c in level_in.chunks)).compute()
    a, b, c = (n // 2 for n in x.shape)
    level_out[:] = np.rint(x.reshape(a, 2, b, 2, c, 2).mean(axis=(1, 3, 5))).astype(level_out.dtype)
