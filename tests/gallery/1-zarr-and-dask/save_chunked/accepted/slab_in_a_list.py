# A list of frames, written whenever it is as deep as a chunk; the rest after the loop
def save_chunked(frames, path, shape, chunks, dtype):
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype)
    slab = []
    start = 0
    for frame in frames:
        slab.append(frame)
        if len(slab) == chunks[0]:
            array[start : start + len(slab)] = np.stack(slab)
            start += len(slab)
            slab = []
    if slab:
        array[start : start + len(slab)] = np.stack(slab)
    return array
