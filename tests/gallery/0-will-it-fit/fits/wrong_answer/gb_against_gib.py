# The array in GB, the memory in GiB
# message: GB compared with GiB
def fits(shape, dtype, ram_bytes, operation):
    movie = math.prod(shape) * np.dtype(dtype).itemsize
    frame, all_of_it = math.prod(shape[1:]) * 8, math.prod(shape) * 8
    peak = {"load": movie, "mean": movie + frame, "subtract": movie + frame + all_of_it}[operation]
    return peak / 1e9 <= ram_bytes / 2**30
