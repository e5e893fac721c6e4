# Each new chunk on its own: every chunk of source is read again and again
# message: are enough
def rechunk_to(source, target_path, chunks, max_bytes):
    target = zarr.create_array(
        target_path, shape=source.shape, chunks=chunks, dtype=source.dtype, attributes=dict(source.attrs)
    )
    nt, ny, nx = source.shape
    ct, cy, cx = chunks
    for t in range(0, nt, ct):
        for y in range(0, ny, cy):
            for x in range(0, nx, cx):
                box = (slice(t, t + ct), slice(y, y + cy), slice(x, x + cx))
                target[box] = source[box]
    return target
