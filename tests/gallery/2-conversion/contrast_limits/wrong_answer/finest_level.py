# Reads the finest level
# message: Those are the limits of level '0'
def contrast_limits(group):
    levels = [group[d["path"]] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    low, high = np.percentile(levels[0][:], (1, 99.9))
    return float(low), float(high)
