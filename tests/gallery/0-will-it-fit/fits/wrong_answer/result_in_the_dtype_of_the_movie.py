# Forgets that numpy makes float64
# message: is float64: 8 bytes a value
def fits(shape, dtype, ram_bytes, operation):
    movie = math.prod(shape) * np.dtype(dtype).itemsize
    peak = movie
    if operation != "load":
        peak += math.prod(shape[1:]) * 8
    if operation == "subtract":
        peak += movie
    return peak <= ram_bytes
