# Every task writes one chunk: many tasks write into one shard
# message: wrote into the same shard
def write_sharded(source, path, chunks, shards):
    array = zarr.create_array(
        path, shape=source.shape, chunks=chunks, shards=shards, dtype=source.dtype, attributes=dict(source.attrs)
    )

    def copy(corner):
        region = tuple(slice(a, min(a + c, n)) for a, c, n in zip(corner, chunks, source.shape))
        array[region] = source[region]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(copy, itertools.product(*[range(0, n, c) for n, c in zip(source.shape, chunks)])))
    return array
