# The short last slab counts as much as the others
# message: the mean of the slabs' means
def summary(movie):
    means, squares = [], []
    for t in range(0, movie.shape[0], movie.chunks[0]):
        slab = movie[t : t + movie.chunks[0]].astype("float64")
        means.append(slab.mean(axis=0))
        squares.append((slab**2).mean(axis=0))
    mean = np.mean(means, axis=0)
    return mean, np.sqrt(np.maximum(np.mean(squares, axis=0) - mean**2, 0))
