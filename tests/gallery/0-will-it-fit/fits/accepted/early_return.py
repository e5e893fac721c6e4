# Takes away from what is free, step by step
def fits(shape, dtype, ram_bytes, operation):
    left = ram_bytes - math.prod(shape) * np.dtype(dtype).itemsize
    if operation == "load":
        return left >= 0
    left -= shape[1] * shape[2] * np.dtype("float64").itemsize
    if operation == "mean":
        return left >= 0
    left -= math.prod(shape) * np.dtype("float64").itemsize
    return left >= 0
