# Not cut to a small movie, and a frame larger than a chunk is not cut either
# message: A chunk is never larger than the movie
def suggest_chunks(shape, dtype, access, target_bytes):
    t, y, x = shape
    values = target_bytes // np.dtype(dtype).itemsize
    if access == "frames":
        return (max(1, values // (y * x)), y, x) if y * x <= values else (1, values // x, x)
    if access == "traces":
        side = max(1, math.isqrt(values // t))
        return (t, side, side) if t <= values else (values, 1, 1)
    pieces = math.sqrt(t * y * x / values)
    side = math.isqrt(int(y * x / pieces))
    return (values // side**2, side, side)
