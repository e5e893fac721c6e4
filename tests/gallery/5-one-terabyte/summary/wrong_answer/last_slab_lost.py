# Whole slabs only
# message: the last slab is shorter
def summary(movie):
    depth = movie.chunks[0]
    n = movie.shape[0] // depth * depth
    total, squares = np.zeros(movie.shape[1:]), np.zeros(movie.shape[1:])
    for t in range(0, n, depth):
        slab = movie[t : t + depth].astype("float64")
        total += slab.sum(axis=0)
        squares += (slab**2).sum(axis=0)
    mean = total / n
    return mean, np.sqrt(np.maximum(squares / n - mean**2, 0))
