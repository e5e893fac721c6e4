# Lazy inside, and then compute()
# message: without compute()
def lazy_stack(paths):
    first = tifffile.imread(paths[0])
    paths = sorted(paths, key=lambda path: int(path.stem.split('_')[1]))
    notes = [dask.delayed(tifffile.imread)(path) for path in paths]
    return da.stack([da.from_delayed(note, shape=first.shape, dtype=first.dtype) for note in notes]).compute()
