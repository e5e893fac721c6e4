# A table of what each operation holds
def fits(shape, dtype, ram_bytes, operation):
    movie = math.prod(shape) * np.dtype(dtype).itemsize
    mean = math.prod(shape[1:]) * 8
    result = math.prod(shape) * 8
    held = {"load": [movie], "mean": [movie, mean], "subtract": [movie, mean, result]}
    return sum(held[operation]) <= ram_bytes
