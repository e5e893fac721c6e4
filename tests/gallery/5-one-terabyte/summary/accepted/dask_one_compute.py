# dask: two promises, one compute
def summary(movie):
    x = da.from_zarr(movie)
    return dask.compute(x.mean(axis=0), x.std(axis=0))
