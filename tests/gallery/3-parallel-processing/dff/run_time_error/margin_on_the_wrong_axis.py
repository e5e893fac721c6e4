# Margin along the last axis
# message: overlapping depth
def dff(movie, window):
    def one(block):
        f0 = baseline(block, window)
        return (block.astype("float32") - f0) / f0

    return movie.map_overlap(one, depth={2: 4 * BASELINE_SIGMA + window}, boundary="none", dtype="float32")
