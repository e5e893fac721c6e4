# A sum kept in the dtype of the movie
# message: Did a sum overflow
def roi_trace(array, mask):
    if not mask.any():
        raise ValueError("no pixel under the mask")
    x = da.from_zarr(array)
    total = (x * mask).sum(axis=(1, 2), dtype=array.dtype)
    return (total / mask.sum()).compute()
