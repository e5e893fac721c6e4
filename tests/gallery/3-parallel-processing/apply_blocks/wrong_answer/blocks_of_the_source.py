# Blocks are the chunks of source: several tasks write into one chunk of target
# message: wrote into the same chunk
def apply_blocks(function, source, target):
    def work(corner):
        region = tuple(slice(a, min(a + c, n)) for a, c, n in zip(corner, source.chunks, source.shape))
        target[region] = function(source[region])

    corners = itertools.product(*[range(0, n, c) for n, c in zip(source.shape, source.chunks)])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, corners))
