# The largest of negative pixels is not 0
# message: Does your running max start at 0
def stats(array):
    n, total, squares, low, high = 0, 0.0, 0.0, 10**9, 0
    for t in range(0, array.shape[0], array.chunks[0]):
        slab = array[t : t + array.chunks[0]].astype("float64")
        n += slab.size
        total += slab.sum()
        squares += (slab**2).sum()
        low, high = min(low, slab.min()), max(high, slab.max())
    mean = total / n
    return {"mean": mean, "std": np.sqrt(squares / n - mean**2), "min": low, "max": high}
