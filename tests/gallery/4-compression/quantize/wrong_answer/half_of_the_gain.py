# A step of max_error keeps the promise, and half of the values too many
# message: A coarser grid keeps the promise too
def quantize(x, max_error):
    rounded = np.rint(x / max_error) * max_error
    if np.issubdtype(x.dtype, np.integer):
        rounded = np.clip(rounded, np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    return rounded.astype(x.dtype)
