# Counts whole shards only
# message: the last shard is smaller
def write_sharded(source, path, chunks, shards):
    array = zarr.create_array(
        path, shape=source.shape, chunks=chunks, shards=shards, dtype=source.dtype, attributes=dict(source.attrs)
    )
    for index in itertools.product(*[range(n // s) for n, s in zip(source.shape, shards)]):
        region = tuple(slice(i * s, (i + 1) * s) for i, s in zip(index, shards))
        array[region] = source[region]
    return array
