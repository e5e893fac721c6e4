# One pass, but the slabs are kept
def stats(array):
    slabs = []
    for t in range(0, array.shape[0], array.chunks[0]):
        slabs.append(array[t : t + array.chunks[0]])
    n = sum(slab.size for slab in slabs)
    mean = sum(slab.sum(dtype="float64") for slab in slabs) / n
    squares = sum((slab.astype("float64") ** 2).sum() for slab in slabs)
    return {
        "mean": mean,
        "std": np.sqrt(squares / n - mean**2),
        "min": min(slab.min() for slab in slabs),
        "max": max(slab.max() for slab in slabs),
    }
