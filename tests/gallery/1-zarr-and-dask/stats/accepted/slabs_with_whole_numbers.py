# A loop over slabs, sums as Python's whole numbers, which never overflow
def stats(array):
    n = total = squares = 0
    low, high = [], []
    for t in range(0, array.shape[0], array.chunks[0]):
        slab = array[t : t + array.chunks[0]].astype("int64")
        n += slab.size
        total += int(slab.sum())
        squares += int((slab * slab).sum())
        low.append(int(slab.min()))
        high.append(int(slab.max()))
    mean = total / n
    return {"mean": mean, "std": (squares / n - mean**2) ** 0.5, "min": min(low), "max": max(high)}
