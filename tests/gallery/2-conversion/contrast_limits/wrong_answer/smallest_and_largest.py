# min and max
# message: one hot pixel decides
def contrast_limits(group):
    levels = [group[d["path"]] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    level = [a for a in levels if a.size >= 100_000][-1]
    values = level[:]
    return float(values.min()), float(values.max())
