# Returns GiB
# message: looks like GiB
def nbytes(shape, dtype):
    return math.prod(int(n) for n in shape) * np.dtype(dtype).itemsize / 2**30
