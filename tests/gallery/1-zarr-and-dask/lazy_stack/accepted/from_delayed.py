# A delayed read per file, in a loop
def lazy_stack(paths):
    first = tifffile.imread(paths[0])
    paths = sorted(paths, key=lambda path: int(path.stem.split('_')[1]))
    trials = []
    for path in paths:
        note = dask.delayed(tifffile.imread)(path)
        trials.append(da.from_delayed(note, shape=first.shape, dtype=first.dtype))
    return da.stack(trials)
