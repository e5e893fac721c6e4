# dask with the chunks of source, no lock
# message: wrote into the same shard
def write_sharded(source, path, chunks, shards):
    array = zarr.create_array(
        path, shape=source.shape, chunks=chunks, shards=shards, dtype=source.dtype, attributes=dict(source.attrs)
    )
    da.store(da.from_zarr(source), array, lock=False)
    return array
