# A camera has no len
# message: has no len()
def save_chunked(frames, path, shape, chunks, dtype):
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype)
    for t in range(0, len(frames), chunks[0]):
        array[t : t + chunks[0]] = np.stack(frames[t : t + chunks[0]])
    return array
