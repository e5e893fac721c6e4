# Goes through the chunks of source: each new chunk is written many times
# message: written more than once
def rechunk_to(source, target_path, chunks, max_bytes):
    target = zarr.create_array(
        target_path, shape=source.shape, chunks=chunks, dtype=source.dtype, attributes=dict(source.attrs)
    )
    nt, ny, nx = source.shape
    step = source.chunks[0]
    for t in range(0, nt, step):
        target[t : t + step] = source[t : t + step]
    return target
