# Assigns to the name level_out, not into the array
# message: nothing was written to it
def downsample2(level_in, level_out):
    x = da.from_zarr(level_in)
    x = da.pad(x, [(0, n % 2) for n in x.shape], mode="edge").rechunk((16, 128, 128))
    level_out = da.rint(da.coarsen(np.mean, x, {0: 2, 1: 2, 2: 2})).astype(level_in.dtype)
