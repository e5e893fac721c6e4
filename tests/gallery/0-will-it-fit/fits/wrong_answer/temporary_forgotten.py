# Input and output, nothing between
# message: The mean frame was forgotten
def fits(shape, dtype, ram_bytes, operation):
    movie = math.prod(shape) * np.dtype(dtype).itemsize
    out = {"load": 0, "mean": math.prod(shape[1:]) * 8, "subtract": math.prod(shape) * 8}[operation]
    return movie + out <= ram_bytes
