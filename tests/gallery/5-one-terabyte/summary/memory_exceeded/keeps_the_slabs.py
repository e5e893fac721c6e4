# A loop that keeps every slab in a list
def summary(movie):
    slabs = []
    for t in range(0, movie.shape[0], movie.chunks[0]):
        slabs.append(movie[t : t + movie.chunks[0]])
    total, squares = np.zeros(movie.shape[1:]), np.zeros(movie.shape[1:])
    for slab in slabs:
        for frame in slab:
            total += frame
            squares += frame.astype("float64") ** 2
    mean = total / movie.shape[0]
    return mean, np.sqrt(np.maximum(squares / movie.shape[0] - mean**2, 0))
