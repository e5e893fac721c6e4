# Whole strips only
# message: The last strip is smaller
def rechunk_to(source, target_path, chunks, max_bytes):
    target = zarr.create_array(
        target_path, shape=source.shape, chunks=chunks, dtype=source.dtype, attributes=dict(source.attrs)
    )
    nt, ny, nx = source.shape
    row = min(chunks[0], nt) * nx * source.dtype.itemsize
    rows = max_bytes // (row * chunks[1]) * chunks[1]
    for i in range(nt // chunks[0]):
        for j in range(max(ny // rows, 1)):
            strip = (slice(i * chunks[0], (i + 1) * chunks[0]), slice(j * rows, (j + 1) * rows))
            target[strip] = source[strip]
    return target
