# Starts at the coarse end and takes the first that is large enough
def contrast_limits(group):
    levels = [group[d["path"]] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    level = next((a for a in reversed(levels) if np.prod(a.shape) >= 100_000), levels[0])
    low, high = map(float, np.percentile(level[...], [1, 99.9]))
    return (low, high) if high > low else (low, low + 1.0)
