# The tasks return their blocks, which are written at the end
def apply_blocks(function, source, target):
    regions = []
    for corner in itertools.product(*[range(0, n, c) for n, c in zip(target.shape, target.chunks)]):
        regions.append(tuple(slice(a, min(a + c, n)) for a, c, n in zip(corner, target.chunks, target.shape)))

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda region: function(source[region]), regions))
    for region, result in zip(regions, results):
        target[region] = result
