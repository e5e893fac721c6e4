# Opens every file to ask for its shape
# message: nobody has asked for yet
def lazy_stack(paths):
    paths = sorted(paths, key=lambda path: int(path.stem.split('_')[1]))
    trials = []
    for path in paths:
        with tifffile.TiffFile(path) as tiff:
            shape, dtype = tiff.series[0].shape, tiff.series[0].dtype
        trials.append(da.from_delayed(dask.delayed(tifffile.imread)(path), shape=shape, dtype=dtype))
    return da.stack(trials)
