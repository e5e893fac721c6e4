# One frame at a time into chunks of many
# message: times, expected once
def save_chunked(frames, path, shape, chunks, dtype):
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype)
    for t, frame in enumerate(frames):
        array[t] = frame
    return array
