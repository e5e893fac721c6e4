# sigma taken for (x, y, t)
# message: The order of the axes is (t, y, x)
def smooth(movie, sigma):
    depth = tuple(int(4 * s + 0.5) for s in sigma[::-1])
    return movie.astype("float32").map_overlap(
        ndimage.gaussian_filter, depth=depth, boundary="none", dtype="float32", sigma=sigma[::-1], mode="nearest"
    )
