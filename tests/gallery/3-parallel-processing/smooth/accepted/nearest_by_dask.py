# dask repeats the last frames itself
def smooth(movie, sigma):
    depth = tuple(int(np.ceil(4 * s)) + 1 for s in sigma)
    return da.map_overlap(
        lambda block: ndimage.gaussian_filter(block.astype("float32"), sigma, mode="nearest"),
        movie, depth=depth, boundary="nearest", dtype="float32",
    )
