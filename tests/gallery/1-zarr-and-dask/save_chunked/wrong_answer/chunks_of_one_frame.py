# Avoids slabs by making chunks one frame deep
# message: Expected the chunk shape
def save_chunked(frames, path, shape, chunks, dtype):
    array = zarr.create_array(path, shape=shape, chunks=(1, *chunks[1:]), dtype=dtype)
    for t, frame in enumerate(frames):
        array[t] = frame
    return array
