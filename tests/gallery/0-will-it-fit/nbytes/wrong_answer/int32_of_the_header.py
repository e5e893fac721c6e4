# Keeps the int32 of the header: runs over
# message: The number ran over
def nbytes(shape, dtype):
    size = np.dtype(dtype).itemsize
    for n in shape:
        size = n * size
    return size
