# Everything as float32
def dff(movie, window):
    f = movie.compute().astype("float32")
    f0 = baseline(f, window)
    return da.from_array((f - f0) / f0, chunks=movie.chunks)
