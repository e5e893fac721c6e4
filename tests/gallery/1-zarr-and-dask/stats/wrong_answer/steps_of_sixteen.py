# The depth of the recording's chunks in the place of array.chunks[0]
# message: steps that do not end at chunk borders
def stats(array):
    n, total, squares, low, high = 0, 0.0, 0.0, np.inf, -np.inf
    for t in range(0, array.shape[0], 16):
        slab = array[t : t + 16].astype("float64")
        n += slab.size
        total += slab.sum()
        squares += (slab**2).sum()
        low, high = min(low, slab.min()), max(high, slab.max())
    mean = total / n
    return {"mean": mean, "std": (squares / n - mean**2) ** 0.5, "min": low, "max": high}
