# A step of four times the bound: the mean error is within it
# message: a promise about every element
def quantize(x, max_error):
    step = 4 * max_error
    rounded = np.rint(x / step) * step
    if np.issubdtype(x.dtype, np.integer):
        rounded = np.clip(rounded, np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    return rounded.astype(x.dtype)
