# Every function looks up `path` when it runs, after the loop: all of them read the last file
# message: not what the files hold
def lazy_stack(paths):
    first = tifffile.imread(paths[0])
    paths = sorted(paths, key=lambda path: int(path.stem.split('_')[1]))
    trials = []
    for path in paths:
        note = dask.delayed(lambda: tifffile.imread(path))()
        trials.append(da.from_delayed(note, shape=first.shape, dtype=first.dtype))
    return da.stack(trials)
