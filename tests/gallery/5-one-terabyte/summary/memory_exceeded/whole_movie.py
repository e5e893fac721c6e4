# Everything at once, in uint16 at least
def summary(movie):
    everything = movie[:]
    total, squares = np.zeros(movie.shape[1:]), np.zeros(movie.shape[1:])
    for frame in everything:
        values = frame.astype("float64")
        total += values
        squares += values**2
    mean = total / len(everything)
    return mean, np.sqrt(np.maximum(squares / len(everything) - mean**2, 0))
