# The reach of one of the two rolling filters forgotten
# message: Reaches of a chain add up
def dff(movie, window):
    def one(block):
        f0 = baseline(block, window)
        return (block.astype("float32") - f0) / f0

    return movie.map_overlap(one, depth=(4 * BASELINE_SIGMA + window // 2, 0, 0), boundary="none", dtype="float32")
