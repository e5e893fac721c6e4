# max_bytes is never looked at: strips are thinner than they may be
# message: fit into max_bytes
def rechunk_to(source, target_path, chunks, max_bytes):
    target = zarr.create_array(
        target_path, shape=source.shape, chunks=chunks, dtype=source.dtype, attributes=dict(source.attrs)
    )
    nt, ny, nx = source.shape
    for t in range(0, nt, chunks[0]):
        for y in range(0, ny, chunks[1]):
            target[t : t + chunks[0], y : y + chunks[1]] = source[t : t + chunks[0], y : y + chunks[1]]
    return target
