# Halves the longest axis for traces: about equal sides
# message: A trace of 32 bytes fits into one chunk: take all of t
def suggest_chunks(shape, dtype, access, target_bytes):
    itemsize = np.dtype(dtype).itemsize
    c = list(shape)
    while math.prod(c) * itemsize > target_bytes:
        if access == "frames":
            axis = 0 if c[0] > 1 else (1 if c[1] >= c[2] else 2)
        elif access == "traces":
            axis = c.index(max(c))
        else:
            axis = c.index(max(c))
        c[axis] = -(-c[axis] // 2)
    return tuple(c)
