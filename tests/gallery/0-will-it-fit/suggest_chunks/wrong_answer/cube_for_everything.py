# Equal sides for frames, traces and both
# message: Chunks with equal sides are no good for this
def suggest_chunks(shape, dtype, access, target_bytes):
    side = int((target_bytes / np.dtype(dtype).itemsize) ** (1 / 3) + 1e-9)
    return tuple(min(side, n) for n in shape)
