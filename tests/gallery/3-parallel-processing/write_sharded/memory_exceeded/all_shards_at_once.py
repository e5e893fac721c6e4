# One thread for each shard, and all of them read first
def write_sharded(source, path, chunks, shards):
    array = zarr.create_array(
        path, shape=source.shape, chunks=chunks, shards=shards, dtype=source.dtype, attributes=dict(source.attrs)
    )
    regions = []
    for corner in itertools.product(*[range(0, n, s) for n, s in zip(source.shape, shards)]):
        regions.append(tuple(slice(a, min(a + s, n)) for a, s, n in zip(corner, shards, source.shape)))
    parts = [source[region] for region in regions]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda region, part: array.__setitem__(region, part), regions, parts))
    return array
