# One axis after the other, with 1-d filters
def smooth(movie, sigma):
    result = movie.astype("float32")
    for axis, s in enumerate(sigma):
        if s > 0:
            depth = {0: 0, 1: 0, 2: 0, axis: int(4 * s + 0.5)}
            result = result.map_overlap(
                ndimage.gaussian_filter1d, depth=depth, boundary="none", dtype="float32", sigma=s, axis=axis, mode="nearest"
            )
    return result
