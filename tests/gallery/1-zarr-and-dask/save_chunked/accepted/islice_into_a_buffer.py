# itertools.islice takes one slab after the other from the camera into one buffer
from itertools import islice


def save_chunked(frames, path, shape, chunks, dtype):
    array = zarr.create_array(path, shape=shape, chunks=chunks, dtype=dtype)
    buffer = np.empty((chunks[0], *shape[1:]), dtype=dtype)
    frames = iter(frames)
    for start in range(0, shape[0], chunks[0]):
        n = 0
        for frame in islice(frames, chunks[0]):
            buffer[n] = frame
            n += 1
        array[start : start + n] = buffer[:n]
    return array
