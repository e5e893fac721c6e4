# A list of all blocks goes into the pool
def apply_blocks(function, source, target):
    regions = []
    for corner in itertools.product(*[range(0, n, c) for n, c in zip(target.shape, target.chunks)]):
        regions.append(tuple(slice(a, min(a + c, n)) for a, c, n in zip(corner, target.chunks, target.shape)))

    blocks = [source[region] for region in regions]
    with ThreadPoolExecutor(4) as pool:
        for region, result in zip(regions, pool.map(function, blocks)):
            target[region] = result
