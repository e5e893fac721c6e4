# To the nearest multiple, clipped, cast
def quantize(x, max_error):
    lines = np.rint(x.astype("float64") / (2 * max_error))
    values = lines * 2 * max_error
    if x.dtype.kind in "iu":
        values = values.clip(np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    return values.astype(x.dtype)
