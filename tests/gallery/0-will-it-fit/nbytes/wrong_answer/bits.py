# Takes the number in the dtype's name
# message: Those are bits
def nbytes(shape, dtype):
    return math.prod(int(n) for n in shape) * np.dtype(dtype).itemsize * 8
