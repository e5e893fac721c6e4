# Sums in float32
# message: in float32 the difference
def summary(movie):
    n, depth = movie.shape[0], movie.chunks[0]
    total, squares = np.zeros(movie.shape[1:], "float32"), np.zeros(movie.shape[1:], "float32")
    for t in range(0, n, depth):
        for frame in movie[t : t + depth]:
            values = frame.astype("float32")
            total += values
            squares += values**2
    mean = total / n
    return mean.astype("float64"), np.sqrt(np.maximum(squares / n - mean**2, 0)).astype("float64")
