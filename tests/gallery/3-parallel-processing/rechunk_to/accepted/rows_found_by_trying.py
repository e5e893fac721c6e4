# A buffer for one strip, filled slice by slice; the number of rows found by trying
def rechunk_to(source, target_path, chunks, max_bytes):
    target = zarr.create_array(
        target_path, shape=source.shape, chunks=chunks, dtype=source.dtype, attributes=dict(source.attrs)
    )
    nt, ny, nx = source.shape
    frames = min(chunks[0], nt)
    rows = chunks[1]
    while rows < ny and frames * (rows + chunks[1]) * nx * source.dtype.itemsize <= max_bytes:
        rows += chunks[1]
    step = source.chunks[0]
    for t0 in range(0, nt, chunks[0]):
        t1 = min(t0 + chunks[0], nt)
        for y in range(0, ny, rows):
            strip = np.empty((t1 - t0, min(rows, ny - y), nx), source.dtype)
            t = t0
            while t < t1:
                stop = min((t // step + 1) * step, t1)  # up to the next border of a chunk
                strip[t - t0 : stop - t0] = source[t:stop, y : y + rows]
                t = stop
            target[t0:t1, y : y + rows] = strip
    return target
