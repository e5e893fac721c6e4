# Ignores the argument dtype
# message: Expected the dtype float32
def save_chunked(frames, path, shape, chunks, dtype):
    array = None
    slab = []
    start = 0
    for frame in frames:
        if array is None:
            array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=frame.dtype)
        slab.append(frame)
        if len(slab) == chunks[0] or start + len(slab) == shape[0]:
            array[start : start + len(slab)] = np.stack(slab)
            start += len(slab)
            slab = []
    return array
