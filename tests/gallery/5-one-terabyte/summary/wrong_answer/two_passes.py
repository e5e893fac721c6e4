# First the mean, then the deviation from it
# message: read twice
def summary(movie):
    n, depth = movie.shape[0], movie.chunks[0]
    mean, squares = np.zeros(movie.shape[1:]), np.zeros(movie.shape[1:])
    for t in range(0, n, depth):
        for frame in movie[t : t + depth]:
            mean += frame.astype("float64") / n
    for t in range(0, n, depth):
        for frame in movie[t : t + depth]:
            squares += (frame.astype("float64") - mean) ** 2 / n
    return mean, np.sqrt(squares)
