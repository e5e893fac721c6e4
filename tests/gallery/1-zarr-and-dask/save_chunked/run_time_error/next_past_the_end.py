# Takes chunks[0] frames for every slab, the last one too
# message: The camera has no more frames
def save_chunked(frames, path, shape, chunks, dtype):
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype)
    for start in range(0, shape[0], chunks[0]):
        slab = [next(frames) for _ in range(chunks[0])]
        array[start : start + chunks[0]] = np.stack(slab)
    return array
