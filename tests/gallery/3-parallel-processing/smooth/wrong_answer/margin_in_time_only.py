# A margin along t only
# message: There is a seam along axis
def smooth(movie, sigma):
    depth = (int(4 * sigma[0] + 0.5), 0, 0)
    return movie.astype("float32").map_overlap(
        ndimage.gaussian_filter, depth=depth, boundary="none", dtype="float32", sigma=sigma, mode="nearest"
    )
