# dask.delayed, one task for each chunk
def apply_blocks(function, source, target):
    regions = []
    for corner in itertools.product(*[range(0, n, c) for n, c in zip(target.shape, target.chunks)]):
        regions.append(tuple(slice(a, min(a + c, n)) for a, c, n in zip(corner, target.chunks, target.shape)))

    @dask.delayed
    def one(region):
        target[region] = function(source[region])

    dask.compute(*[one(region) for region in regions], scheduler="threads")
