# Counts whole chunks only
# message: the last chunk is smaller
def apply_blocks(function, source, target):
    def work(index):
        region = tuple(slice(i * c, (i + 1) * c) for i, c in zip(index, target.chunks))
        target[region] = function(source[region])

    counts = [n // c for n, c in zip(target.shape, target.chunks)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, itertools.product(*[range(count) for count in counts])))
