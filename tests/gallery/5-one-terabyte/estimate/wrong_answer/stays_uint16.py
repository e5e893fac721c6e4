# float64 forgotten
# message: float64 takes 8 bytes
def estimate(movie, sample_seconds):
    nt, ny, nx = movie.shape
    slab = min(movie.chunks[0], nt) * ny * nx
    slabs = math.ceil(nt / movie.chunks[0])
    return {"hours": slabs * sample_seconds / 3600, "peak_bytes": slab * movie.dtype.itemsize * 3 + 16 * ny * nx}
