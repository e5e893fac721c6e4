# Assigns to the name target, not into the array
# message: nothing was written to it
def apply_blocks(function, source, target):
    target = da.from_zarr(source).map_blocks(function, dtype=target.dtype)
    target.persist()
