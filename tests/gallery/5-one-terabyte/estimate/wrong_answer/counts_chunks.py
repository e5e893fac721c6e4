# nchunks in place of slabs
# message: count slabs
def estimate(movie, sample_seconds):
    nt, ny, nx = movie.shape
    slab = min(movie.chunks[0], nt) * ny * nx
    return {"hours": movie.nchunks * sample_seconds / 3600, "peak_bytes": slab * (movie.dtype.itemsize + 16) + 16 * ny * nx}
