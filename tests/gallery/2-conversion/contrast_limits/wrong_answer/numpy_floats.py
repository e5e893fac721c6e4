# np.float64 is not Python's float
# message: Expected Python's float
def contrast_limits(group):
    levels = [group[d["path"]] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    large = [a for a in levels if a.size >= 100_000] or levels[:1]
    low, high = np.percentile(large[-1][:], (1, 99.9))
    return (low, high) if high > low else (low, low + 1)
