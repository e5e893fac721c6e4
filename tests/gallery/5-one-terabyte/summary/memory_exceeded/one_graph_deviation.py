# The deviation from the mean in one graph: every chunk waits until the mean is known
def summary(movie):
    x = da.from_zarr(movie)
    mean = x.mean(axis=0)
    return dask.compute(mean, da.sqrt(((x - mean) ** 2).mean(axis=0)))
