# Goes through the camera once to count, and finds it empty the second time
# message: One can go through it only once
def save_chunked(frames, path, shape, chunks, dtype):
    count = sum(1 for _ in frames)
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype)
    slab = []
    for t, frame in enumerate(frames):
        slab.append(frame)
        if len(slab) == chunks[0] or t == count - 1:
            array[t + 1 - len(slab) : t + 1] = np.stack(slab)
            slab = []
    return array
