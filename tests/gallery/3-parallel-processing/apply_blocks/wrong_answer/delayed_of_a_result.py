# delayed(function(block)) runs function now, in the loop
# message: one after the other
def apply_blocks(function, source, target):
    regions = []
    for corner in itertools.product(*[range(0, n, c) for n, c in zip(target.shape, target.chunks)]):
        regions.append(tuple(slice(a, min(a + c, n)) for a, c, n in zip(corner, target.chunks, target.shape)))

    for region in regions:
        result = dask.delayed(function(source[region]))
        target[region] = result.compute()
