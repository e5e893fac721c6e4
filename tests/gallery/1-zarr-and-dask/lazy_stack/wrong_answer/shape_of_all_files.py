# Tells every note the shape of the whole stack
# message: the shape of *one* file
def lazy_stack(paths):
    first = tifffile.imread(paths[0])
    shape = (len(paths), *first.shape)
    paths = sorted(paths, key=lambda path: int(path.stem.split("_")[1]))
    return da.stack([da.from_delayed(dask.delayed(tifffile.imread)(path), shape=shape, dtype=first.dtype) for path in paths])
