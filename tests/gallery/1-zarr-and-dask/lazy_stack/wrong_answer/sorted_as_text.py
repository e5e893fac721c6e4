# sorted(paths): trial_10 before trial_2
# message: text order
def lazy_stack(paths):
    first = tifffile.imread(paths[0])
    notes = [dask.delayed(tifffile.imread)(path) for path in sorted(paths)]
    return da.stack([da.from_delayed(note, shape=first.shape, dtype=first.dtype) for note in notes])
