# F - F0 in uint16
# message: convert to float32 before you subtract
def dff(movie, window):
    def one(block):
        f0 = baseline(block, window)
        return ((block - f0.astype(block.dtype)) / f0).astype("float32")

    return movie.map_overlap(one, depth=(int(4 * BASELINE_SIGMA + 0.5) + 2 * (window // 2), 0, 0), boundary="none", dtype="float32")
