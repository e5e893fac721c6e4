# Writes only full slabs
# message: the last slab is shorter
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
    return array
