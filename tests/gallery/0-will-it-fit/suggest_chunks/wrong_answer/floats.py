# Roots and fractions are no chunk sizes
# message: Expected whole numbers
def suggest_chunks(shape, dtype, access, target_bytes):
    t, y, x = shape
    values = target_bytes / np.dtype(dtype).itemsize
    if access == "frames":
        return (values / (y * x), y, x)
    if access == "traces":
        return (t, (values / t) ** 0.5, (values / t) ** 0.5)
    return (values ** (1 / 3),) * 3
