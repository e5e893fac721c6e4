# map_blocks with dask's own chunks, writes from inside
# message: wrote into the same chunk
def apply_blocks(function, source, target):
    def write(block, block_info=None):
        if block_info:
            where = tuple(slice(a, b) for a, b in block_info[0]["array-location"])
            target[where] = function(block)
        return np.zeros((1,) * block.ndim, bool)

    x = da.from_zarr(source)
    x.map_blocks(write, dtype=bool, chunks=(1,) * x.ndim).compute()
