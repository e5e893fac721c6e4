# Whole traces for both
# message: good for traces and bad for frames
def suggest_chunks(shape, dtype, access, target_bytes):
    itemsize = np.dtype(dtype).itemsize
    c = list(shape)
    while math.prod(c) * itemsize > target_bytes:
        if access == "frames":
            axis = 0 if c[0] > 1 else (1 if c[1] >= c[2] else 2)
        elif access == "traces":
            axis = (1 if c[1] >= c[2] else 2) if c[1] * c[2] > 1 else 0
        else:
            axis = (1 if c[1] >= c[2] else 2) if c[1] * c[2] > 1 else 0
        c[axis] = -(-c[axis] // 2)
    return tuple(c)
