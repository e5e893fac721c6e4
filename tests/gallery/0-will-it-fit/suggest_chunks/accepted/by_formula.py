# No loop: computes the sides
def suggest_chunks(shape, dtype, access, target_bytes):
    t, y, x = shape
    values = max(1, target_bytes // np.dtype(dtype).itemsize)
    if t * y * x <= values:
        return (t, y, x)
    if access == "frames":
        if y * x <= values:
            return (min(t, values // (y * x)), y, x)
        rows = max(1, values // x)
        return (1, rows, min(x, values))
    if access == "traces":
        if t > values:
            return (values, 1, 1)
        pixels = values // t
        rows = min(y, math.isqrt(pixels))
        columns = min(x, pixels // rows)
        return (t, min(y, pixels // columns), columns)
    pieces = math.sqrt(t * y * x / values)  # as many along t as over a frame
    ct = max(1, int(t / pieces))
    pixels = values // ct
    rows = min(y, math.isqrt(pixels))
    return (ct, rows, min(x, pixels // rows))
