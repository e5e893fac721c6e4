# rechunk to whole traces, because a trace is wanted
def roi_trace(array, mask):
    if not mask.any():
        raise ValueError("no pixel under the mask")
    x = da.from_zarr(array).astype("float64").rechunk((-1, 64, 64))
    return ((x * mask).sum(axis=(1, 2)) / mask.sum()).compute()
