# F - F0
# message: Divide by F0
def dff(movie, window):
    def one(block):
        f0 = baseline(block, window)
        return block.astype("float32") - f0

    return movie.map_overlap(one, depth=(int(4 * BASELINE_SIGMA + 0.5) + 2 * (window // 2), 0, 0), boundary="none", dtype="float32")
