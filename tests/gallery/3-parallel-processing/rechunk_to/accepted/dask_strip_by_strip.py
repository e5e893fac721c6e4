# dask, but one strip at a time
def rechunk_to(source, target_path, chunks, max_bytes):
    target = zarr.create_array(
        target_path, shape=source.shape, chunks=chunks, dtype=source.dtype, attributes=dict(source.attrs)
    )
    nt, ny, nx = source.shape
    row = min(chunks[0], nt) * nx * source.dtype.itemsize
    rows = max_bytes // (row * chunks[1]) * chunks[1]
    x = da.from_zarr(source)
    for t in range(0, nt, chunks[0]):
        for y in range(0, ny, rows):
            strip = (slice(t, min(t + chunks[0], nt)), slice(y, min(y + rows, ny)), slice(0, nx))
            part = x[strip].rechunk(tuple(min(c, n) for c, n in zip(chunks, x[strip].shape)))
            da.store(part, target, regions=strip, lock=False)
    return target
