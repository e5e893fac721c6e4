# A loop over shards, no threads
def write_sharded(source, path, chunks, shards):
    array = zarr.create_array(
        path, shape=source.shape, chunks=chunks, shards=shards, dtype=source.dtype, attributes=dict(source.attrs)
    )
    for corner in itertools.product(*[range(0, n, s) for n, s in zip(source.shape, shards)]):
        region = tuple(slice(a, min(a + s, n)) for a, s, n in zip(corner, shards, source.shape))
        array[region] = source[region]
    return array
