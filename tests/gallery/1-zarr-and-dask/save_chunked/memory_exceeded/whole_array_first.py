# Fills an array in memory and writes it with one assignment
def save_chunked(frames, path, shape, chunks, dtype):
    everything = np.empty(shape, dtype=dtype)
    for t, frame in enumerate(frames):
        everything[t] = frame
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype)
    array[:] = everything
    return array
