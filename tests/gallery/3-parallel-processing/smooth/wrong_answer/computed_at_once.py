# Returns numbers, not a promise
# message: Return what map_overlap gives you
def smooth(movie, sigma):
    depth = tuple(int(4 * s + 0.5) for s in sigma)
    return movie.astype("float32").map_overlap(
        ndimage.gaussian_filter, depth=depth, boundary="none", dtype="float32", sigma=sigma, mode="nearest"
    ).compute()
