# The mean of the slabs' means
# message: mean of the means of the slabs
def stats(array):
    means, squares, low, high = [], [], [], []
    for t in range(0, array.shape[0], array.chunks[0]):
        slab = array[t : t + array.chunks[0]].astype("float64")
        means.append(slab.mean())
        squares.append((slab**2).mean())
        low.append(slab.min())
        high.append(slab.max())
    mean = np.mean(means)
    return {"mean": mean, "std": np.sqrt(np.mean(squares) - mean**2), "min": min(low), "max": max(high)}
