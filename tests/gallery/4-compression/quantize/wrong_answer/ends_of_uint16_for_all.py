# Clips to 0 and 65535, whatever the dtype
# message: ask `np.iinfo(x.dtype)`
def quantize(x, max_error):
    step = 2 * max_error
    rounded = np.rint(x / step) * step
    if np.issubdtype(x.dtype, np.integer):
        rounded = np.clip(rounded, 0, 65535).astype("int64")
    return rounded.astype(x.dtype)
