# Each block on its own
# message: There is a seam
def dff(movie, window):
    def one(block):
        f0 = baseline(block, window)
        return (block.astype("float32") - f0) / f0

    return movie.map_blocks(one, dtype="float32")
