# Bins of 2 x max_error, each becomes its middle
def quantize(x, max_error):
    width = 2 * max_error
    middle = np.floor(x.astype(float) / width) * width + max_error
    if np.issubdtype(x.dtype, np.integer):
        middle = np.clip(middle, np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    return middle.astype(x.dtype)
