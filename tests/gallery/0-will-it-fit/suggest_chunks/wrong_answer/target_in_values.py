# Takes target_bytes for a number of values
# message: Did you count values
def suggest_chunks(shape, dtype, access, target_bytes):
    itemsize = 1
    c = list(shape)
    while math.prod(c) * itemsize > target_bytes:
        if access == "frames":
            axis = 0 if c[0] > 1 else (1 if c[1] >= c[2] else 2)
        elif access == "traces":
            axis = (1 if c[1] >= c[2] else 2) if c[1] * c[2] > 1 else 0
        else:
            axis = 0 if -(-shape[0] // c[0]) <= -(-shape[1] // c[1]) * -(-shape[2] // c[2]) and c[0] > 1 else (1 if c[1] >= c[2] else 2)
        c[axis] = -(-c[axis] // 2)
    return tuple(c)
