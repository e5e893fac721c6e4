# One frame or one pixel in a chunk, however small
# message: Tiny chunks make millions of files
def suggest_chunks(shape, dtype, access, target_bytes):
    t, y, x = shape
    if access == "frames":
        return (1, y, x)
    if access == "traces":
        return (t, 1, 1)
    return (t // 8, y // 4, x // 4)
