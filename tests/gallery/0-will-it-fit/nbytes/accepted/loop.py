# Multiplies in a loop, with Python's numbers
def nbytes(shape, dtype):
    size = np.dtype(dtype).itemsize
    for n in shape:
        size *= int(n)
    return size
