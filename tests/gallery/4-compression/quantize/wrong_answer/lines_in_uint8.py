# The numbers of the lines are small, so they are kept in a uint8
# message: A uint8 ends at 255
def quantize(x, max_error):
    step = 2 * max_error
    lines = np.rint(x / step).astype("int64").astype("uint8")
    rounded = lines.astype("float64") * step
    if np.issubdtype(x.dtype, np.integer):
        rounded = np.clip(rounded, np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    return rounded.astype(x.dtype)
