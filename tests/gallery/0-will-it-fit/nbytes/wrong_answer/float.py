# Floats do not run over, but they round
# message: is not exact for large numbers
def nbytes(shape, dtype):
    return np.prod(np.array(shape, dtype=float)) * np.dtype(dtype).itemsize
