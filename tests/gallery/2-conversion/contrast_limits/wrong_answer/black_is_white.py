# One grey: low and high are the same
# message: Black and white are the same
def contrast_limits(group):
    levels = [group[d["path"]] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    large = [a for a in levels if a.size >= 100_000] or levels[:1]
    low, high = np.percentile(large[-1][:], (1, 99.9))
    return float(low), float(high)
