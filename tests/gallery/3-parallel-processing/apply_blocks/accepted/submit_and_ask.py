# Plain loop over chunks: submit each, then ask each future
def apply_blocks(function, source, target):
    regions = []
    for corner in itertools.product(*[range(0, n, c) for n, c in zip(target.shape, target.chunks)]):
        regions.append(tuple(slice(a, min(a + c, n)) for a, c, n in zip(corner, target.chunks, target.shape)))

    def one(region):
        target[region] = function(source[region])

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(one, region) for region in regions]
    for future in futures:
        future.result()
