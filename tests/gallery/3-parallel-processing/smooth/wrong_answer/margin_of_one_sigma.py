# depth = sigma
# message: There is a seam
def smooth(movie, sigma):
    depth = tuple(int(np.ceil(s)) for s in sigma)
    return movie.astype("float32").map_overlap(
        ndimage.gaussian_filter, depth=depth, boundary="none", dtype="float32", sigma=sigma, mode="nearest"
    )
