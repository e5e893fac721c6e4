# delayed(f(x)) reads every file now
# message: nobody has asked for yet
def lazy_stack(paths):
    first = tifffile.imread(paths[0])
    paths = sorted(paths, key=lambda path: int(path.stem.split('_')[1]))
    trials = [da.from_delayed(dask.delayed(tifffile.imread(p)), shape=first.shape, dtype=first.dtype) for p in paths]
    return da.stack(trials)
