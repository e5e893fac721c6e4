# dask's to_zarr with shards
# message: wrote into the same shard
def write_sharded(source, path, chunks, shards):
    x = da.from_zarr(source, chunks=chunks)
    x.to_zarr(str(path), shards=shards, attributes=dict(source.attrs))
    return zarr.open_array(path)
