# uint16 in, uint16 out
# message: rounded to whole numbers
def smooth(movie, sigma):
    depth = tuple(int(4 * s + 0.5) for s in sigma)
    return movie.map_overlap(
        ndimage.gaussian_filter, depth=depth, boundary="none", dtype=movie.dtype, sigma=sigma, mode="nearest"
    )
