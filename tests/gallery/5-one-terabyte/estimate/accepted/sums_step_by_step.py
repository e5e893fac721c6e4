# One line for each thing that is held
def estimate(movie, sample_seconds):
    nt, ny, nx = movie.shape
    depth = min(movie.chunks[0], nt)
    stored = depth * ny * nx * movie.dtype.itemsize
    wide = depth * ny * nx * np.dtype("float64").itemsize
    image = ny * nx * 8
    slabs = math.ceil(nt / movie.chunks[0])
    return {"hours": slabs * sample_seconds / 60 / 60, "peak_bytes": stored + wide + wide + image + image}
