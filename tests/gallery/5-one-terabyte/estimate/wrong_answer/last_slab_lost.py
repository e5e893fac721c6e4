# floor for ceil
# message: The short last slab is missing
def estimate(movie, sample_seconds):
    nt, ny, nx = movie.shape
    slab = min(movie.chunks[0], nt) * ny * nx
    slabs = nt // movie.chunks[0]
    return {"hours": slabs * sample_seconds / 3600, "peak_bytes": slab * (movie.dtype.itemsize + 16) + 16 * ny * nx}
