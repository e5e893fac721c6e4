# dask: blocks are the chunks of target, so no lock is needed
def apply_blocks(function, source, target):
    x = da.from_zarr(source, chunks=target.chunks)
    da.store(x.map_blocks(function, dtype=target.dtype), target, lock=False)
