# Thinks that a float64 mean copies the movie
# message: numpy's mean makes none
def fits(shape, dtype, ram_bytes, operation):
    movie = math.prod(shape) * np.dtype(dtype).itemsize
    frame, all_of_it = math.prod(shape[1:]) * 8, math.prod(shape) * 8
    peak = {"load": movie, "mean": movie + all_of_it + frame, "subtract": movie + frame + all_of_it}[operation]
    return peak <= ram_bytes
