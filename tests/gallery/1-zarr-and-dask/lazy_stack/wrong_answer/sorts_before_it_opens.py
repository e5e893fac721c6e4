# Opens the lowest trial, which is not paths[0]
# message: as it was given
def lazy_stack(paths):
    paths.sort(key=lambda path: int(path.stem.split("_")[1]))
    first = tifffile.imread(paths[0])
    notes = [dask.delayed(tifffile.imread)(path) for path in paths]
    return da.stack([da.from_delayed(note, shape=first.shape, dtype=first.dtype) for note in notes])
