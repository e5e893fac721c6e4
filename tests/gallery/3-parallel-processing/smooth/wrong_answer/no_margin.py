# map_blocks: no margin at all
# message: There is a seam
def smooth(movie, sigma):
    return movie.astype("float32").map_blocks(ndimage.gaussian_filter, sigma=sigma, mode="nearest", dtype="float32")
