# map_overlap with a margin that is more than enough
def dff(movie, window):
    def one(block):
        f0 = baseline(block, window)
        return (block.astype("float32") - f0) / f0

    return movie.map_overlap(one, depth={0: 4 * BASELINE_SIGMA + window + 5}, boundary="none", dtype="float32")
