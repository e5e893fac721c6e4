# A whole slab as float64 at a time
def summary(movie):
    n, depth = movie.shape[0], movie.chunks[0]
    total, squares = np.zeros(movie.shape[1:]), np.zeros(movie.shape[1:])
    for t in range(0, n, depth):
        slab = movie[t : t + depth].astype("float64")
        total += slab.sum(axis=0)
        np.square(slab, out=slab)
        squares += slab.sum(axis=0)
    mean = total / n
    return mean, np.sqrt(np.clip(squares / n - mean**2, 0, None))
