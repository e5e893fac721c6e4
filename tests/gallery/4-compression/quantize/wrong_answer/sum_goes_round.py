# Whole numbers in the dtype of x: the sum itself goes round the corner
# message: has already gone round
def quantize(x, max_error):
    if not np.issubdtype(x.dtype, np.integer):
        return (np.rint(x / (2 * max_error)) * (2 * max_error)).astype(x.dtype)
    step = 2 * max_error
    return (x + max_error) // step * step
