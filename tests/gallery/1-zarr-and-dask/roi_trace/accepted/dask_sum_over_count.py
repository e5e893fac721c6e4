# dask: the sum of x * mask over the number of pixels under the mask
def roi_trace(array, mask):
    if not mask.any():
        raise ValueError("no pixel under the mask")
    x = da.from_zarr(array)
    total = (x * mask).sum(axis=(1, 2), dtype="float64")
    return (total / mask.sum()).compute()
