# rechunk to whole traces, so that there are no seams
def dff(movie, window):
    def one(block):
        f0 = baseline(block, window)
        return (block.astype("float32") - f0) / f0

    return movie.rechunk({0: -1}).map_blocks(one, dtype="float32")
