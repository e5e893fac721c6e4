# array[:] = source[:]
def write_sharded(source, path, chunks, shards):
    array = zarr.create_array(
        path, shape=source.shape, chunks=chunks, shards=shards, dtype=source.dtype, attributes=dict(source.attrs)
    )
    array[:] = source[:]
    return array
