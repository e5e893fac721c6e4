# slab**2 in 16 bits wraps around
# message: squares need float64
def stats(array):
    n, total, squares, low, high = 0, 0.0, 0.0, np.inf, -np.inf
    for t in range(0, array.shape[0], array.chunks[0]):
        slab = array[t : t + array.chunks[0]]
        n += slab.size
        total += slab.sum()
        squares += (slab**2).sum()
        low, high = min(low, slab.min()), max(high, slab.max())
    mean = total / n
    return {"mean": mean, "std": np.sqrt(abs(squares / n - mean**2)), "min": low, "max": high}
