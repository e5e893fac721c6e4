# Right, but one block after the other
# message: one after the other
def apply_blocks(function, source, target):
    regions = []
    for corner in itertools.product(*[range(0, n, c) for n, c in zip(target.shape, target.chunks)]):
        regions.append(tuple(slice(a, min(a + c, n)) for a, c, n in zip(corner, target.chunks, target.shape)))

    for region in regions:
        target[region] = function(source[region])
