# Forgets the bytes of a value
# message: That is the number of values
def nbytes(shape, dtype):
    return math.prod(int(n) for n in shape)
