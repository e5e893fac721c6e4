# The frame rate stays behind
# message: Expected the attributes of the source
def rechunk_to(source, target_path, chunks, max_bytes):
    target = zarr.create_array(target_path, shape=source.shape, chunks=chunks, dtype=source.dtype)
    nt, ny, nx = source.shape
    row = min(chunks[0], nt) * nx * source.dtype.itemsize
    rows = max_bytes // (row * chunks[1]) * chunks[1]
    for t in range(0, nt, chunks[0]):
        for y in range(0, ny, rows):
            target[t : t + chunks[0], y : y + rows] = source[t : t + chunks[0], y : y + rows]
    return target
