# rechunk to one block, so that there are no seams
def smooth(movie, sigma):
    x = movie.rechunk((-1, -1, -1)).astype("float32")
    return x.map_blocks(ndimage.gaussian_filter, sigma=sigma, mode="nearest", dtype="float32")
