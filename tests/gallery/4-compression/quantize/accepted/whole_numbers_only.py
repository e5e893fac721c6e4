# Integers in int64, without floats; floats apart
def quantize(x, max_error):
    if x.dtype.kind == "f":
        return (np.round(x.astype("float64") / (2 * max_error)) * (2 * max_error)).astype(x.dtype)
    step = 2 * int(max_error) + 1
    lines = (x.astype("int64") + int(max_error)) // step * step
    info = np.iinfo(x.dtype)
    return np.minimum(np.maximum(lines, info.min), info.max).astype(x.dtype)
