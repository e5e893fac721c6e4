# The margin of the Gaussian only
# message: Reaches of a chain add up
def dff(movie, window):
    def one(block):
        f0 = baseline(block, window)
        return (block.astype("float32") - f0) / f0

    return movie.map_overlap(one, depth=(4 * BASELINE_SIGMA, 0, 0), boundary="none", dtype="float32")
