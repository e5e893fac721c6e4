# float32 to save memory: the difference of two huge numbers has no digits left
# message: squares need float64
def stats(array):
    n = 0
    total, squares = np.float32(0), np.float32(0)
    low, high = np.inf, -np.inf
    for t in range(0, array.shape[0], array.chunks[0]):
        slab = array[t : t + array.chunks[0]].astype("float32")
        n += slab.size
        total += slab.sum()
        squares += (slab**2).sum()
        low, high = min(low, slab.min()), max(high, slab.max())
    mean = total / np.float32(n)
    return {"mean": mean, "std": np.sqrt(np.abs(squares / np.float32(n) - mean**2)), "min": low, "max": high}
