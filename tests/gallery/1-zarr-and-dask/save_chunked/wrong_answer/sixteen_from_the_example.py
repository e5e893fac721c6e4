# The 16 of the worked example in the place of chunks[0]
# message: Or does it wait for 16 frames
def save_chunked(frames, path, shape, chunks, dtype):
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype)
    slab = []
    start = 0
    for frame in frames:
        slab.append(frame)
        if len(slab) == 16:
            array[start : start + 16] = np.stack(slab)
            start += 16
            slab = []
    return array
