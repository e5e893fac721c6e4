# The frame rate stays behind
# message: Expected the attributes of the source
def write_sharded(source, path, chunks, shards):
    array = zarr.create_array(path, shape=source.shape, chunks=chunks, shards=shards, dtype=source.dtype)
    for corner in itertools.product(*[range(0, n, s) for n, s in zip(source.shape, shards)]):
        region = tuple(slice(a, min(a + s, n)) for a, s, n in zip(corner, shards, source.shape))
        array[region] = source[region]
    return array
