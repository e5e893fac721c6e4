# Writes shards as chunks, without shards
# message: has no shards
def write_sharded(source, path, chunks, shards):
    array = zarr.create_array(path, shape=source.shape, chunks=shards, dtype=source.dtype, attributes=dict(source.attrs))
    da.store(da.from_zarr(source, chunks=shards), array, lock=False)
    return array
