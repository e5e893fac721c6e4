# len(range()) counts the slabs that a loop would take
def estimate(movie, sample_seconds):
    frames = movie.shape[0]
    n = len(range(0, frames, movie.chunks[0]))
    slab = min(frames, movie.chunks[0]) * movie.shape[1] * movie.shape[2]
    images = 2 * movie.shape[1] * movie.shape[2] * 8
    return {"hours": n * sample_seconds / 3600, "peak_bytes": slab * movie.dtype.itemsize + 2 * 8 * slab + images}
