# As many rows as fit, but no multiple of chunks[1]
# message: a multiple of chunks[1]
def rechunk_to(source, target_path, chunks, max_bytes):
    target = zarr.create_array(
        target_path, shape=source.shape, chunks=chunks, dtype=source.dtype, attributes=dict(source.attrs)
    )
    nt, ny, nx = source.shape
    rows = max_bytes // (min(chunks[0], nt) * nx * source.dtype.itemsize)
    for t in range(0, nt, chunks[0]):
        for y in range(0, ny, rows):
            target[t : t + chunks[0], y : y + rows] = source[t : t + chunks[0], y : y + rows]
    return target
