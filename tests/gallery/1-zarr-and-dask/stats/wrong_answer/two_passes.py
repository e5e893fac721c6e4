# First the mean, then the deviations from it
# message: two passes
def stats(array):
    step = array.chunks[0]
    n, total = 0, 0.0
    low, high = np.inf, -np.inf
    for t in range(0, array.shape[0], step):
        slab = array[t : t + step]
        n += slab.size
        total += slab.sum(dtype="float64")
        low, high = min(low, slab.min()), max(high, slab.max())
    mean = total / n
    squares = 0.0
    for t in range(0, array.shape[0], step):
        squares += ((array[t : t + step] - mean) ** 2).sum()
    return {"mean": mean, "std": (squares / n) ** 0.5, "min": low, "max": high}
