# No clip: 65535 goes up to 65536 and becomes 0
# message: went round the corner of uint16
def quantize(x, max_error):
    step = 2 * max_error
    rounded = np.rint(x / step) * step
    if np.issubdtype(x.dtype, np.integer):
        rounded = rounded.astype("int64")
    return rounded.astype(x.dtype)
