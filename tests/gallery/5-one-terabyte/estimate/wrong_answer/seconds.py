# Seconds, called hours
# message: Those are seconds
def estimate(movie, sample_seconds):
    nt, ny, nx = movie.shape
    slab = min(movie.chunks[0], nt) * ny * nx
    slabs = math.ceil(nt / movie.chunks[0])
    return {"hours": slabs * sample_seconds, "peak_bytes": slab * (movie.dtype.itemsize + 16) + 16 * ny * nx}
