# Filters the whole movie, then calls it dask
def smooth(movie, sigma):
    whole = ndimage.gaussian_filter(movie.compute().astype("float32"), sigma, mode="nearest")
    return da.from_array(whole, chunks=movie.chunks)
