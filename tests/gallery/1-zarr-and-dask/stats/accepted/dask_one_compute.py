# dask: four results, one compute
def stats(array):
    x = da.from_zarr(array)
    mean, std, smallest, largest = dask.compute(x.mean(), x.std(), x.min(), x.max())
    return {"mean": mean, "std": std, "min": smallest, "max": largest}
