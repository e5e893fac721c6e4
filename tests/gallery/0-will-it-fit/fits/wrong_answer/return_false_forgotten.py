# True in an if, and nothing otherwise
# message: did you forget `return False`
def fits(shape, dtype, ram_bytes, operation):
    movie = math.prod(shape) * np.dtype(dtype).itemsize
    frame, all_of_it = math.prod(shape[1:]) * 8, math.prod(shape) * 8
    peak = {"load": movie, "mean": movie + frame, "subtract": movie + frame + all_of_it}[operation]
    if peak <= ram_bytes:
        return True
