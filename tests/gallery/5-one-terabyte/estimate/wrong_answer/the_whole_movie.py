# The size of the movie for that of a slab
# message: Only one slab is held
def estimate(movie, sample_seconds):
    nt, ny, nx = movie.shape
    slabs = math.ceil(nt / movie.chunks[0])
    return {"hours": slabs * sample_seconds / 3600, "peak_bytes": movie.nbytes * 9}
