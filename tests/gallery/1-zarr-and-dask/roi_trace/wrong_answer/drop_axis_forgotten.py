# map_blocks without drop_axis, the frame's chunks merged first
# message: drop_axis
def roi_trace(array, mask):
    if not mask.any():
        raise ValueError("no pixel under the mask")
    x = da.from_zarr(array).rechunk((array.chunks[0], -1, -1))
    return x.map_blocks(lambda block: block[:, mask].mean(axis=1)[:, None, None], dtype="float64", chunks=(x.chunks[0], (1,), (1,))).compute()
