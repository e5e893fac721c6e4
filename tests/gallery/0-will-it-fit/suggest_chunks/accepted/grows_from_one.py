# Starts with one value, and doubles
def suggest_chunks(shape, dtype, access, target_bytes):
    item = np.dtype(dtype).itemsize
    c = [1, 1, 1]

    def doubled(axis):
        new = list(c)
        new[axis] = min(shape[axis], 2 * c[axis])
        return new

    def affordable(axis):
        return c[axis] < shape[axis] and math.prod(doubled(axis)) * item <= target_bytes

    while True:
        per_trace = -(-shape[0] // c[0])
        per_frame = -(-shape[1] // c[1]) * -(-shape[2] // c[2])
        short, long = sorted((1, 2), key=lambda axis: c[axis])
        space_done = c[1] == shape[1] and c[2] == shape[2]
        if access == "frames":
            order = [0] if space_done else [short, long]
        elif access == "traces":
            order = [short, long] if c[0] == shape[0] else [0]
        else:
            order = [0, short, long] if per_trace > per_frame else [short, long, 0]
        axis = next((a for a in order if affordable(a)), None)
        if axis is None:
            return tuple(c)
        c = doubled(axis)
