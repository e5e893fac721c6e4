# The mean is right, the std is the mean of the slabs' stds
# message: does not see how the slabs differ
def stats(array):
    n, total, stds, low, high = 0, 0.0, [], [], []
    for t in range(0, array.shape[0], array.chunks[0]):
        slab = array[t : t + array.chunks[0]]
        n += slab.size
        total += slab.sum(dtype="float64")
        stds.append(slab.std())
        low.append(slab.min())
        high.append(slab.max())
    return {"mean": total / n, "std": np.mean(stds), "min": min(low), "max": max(high)}
