# dask, computed as a whole and then written
def apply_blocks(function, source, target):
    x = da.from_zarr(source).map_blocks(function, dtype=target.dtype)
    target[:] = x.compute()
