# Counts the movie alone
# message: That is the movie alone
def fits(shape, dtype, ram_bytes, operation):
    movie = math.prod(shape) * np.dtype(dtype).itemsize
    return movie <= ram_bytes
