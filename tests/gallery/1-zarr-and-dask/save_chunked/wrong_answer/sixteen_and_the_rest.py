# The 16 of the worked example, and the rest at the end: all pixels are right, and some chunks are written twice
# message: A chunk is 6 frames deep
def save_chunked(frames, path, shape, chunks, dtype):
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype)
    slab = []
    start = 0
    for frame in frames:
        slab.append(frame)
        if len(slab) == 16 or start + len(slab) == shape[0]:
            array[start : start + len(slab)] = np.stack(slab)
            start += len(slab)
            slab = []
    return array
