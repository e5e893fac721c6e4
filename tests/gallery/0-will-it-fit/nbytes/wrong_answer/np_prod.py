# np.prod counts in int64, which has an end too
# message: The number ran over
def nbytes(shape, dtype):
    return int(np.prod(shape)) * np.dtype(dtype).itemsize
