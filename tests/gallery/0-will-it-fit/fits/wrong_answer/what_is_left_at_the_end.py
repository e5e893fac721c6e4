# Counts what comes out: final for peak
# message: the peak counts, not the end
def fits(shape, dtype, ram_bytes, operation):
    movie = math.prod(shape) * np.dtype(dtype).itemsize
    if operation == "load":
        return movie <= ram_bytes
    if operation == "mean":
        return math.prod(shape[1:]) * 8 <= ram_bytes
    return math.prod(shape) * 8 <= ram_bytes
