# Four computes are four passes
# message: four computes are four passes
def stats(array):
    x = da.from_zarr(array)
    return {"mean": x.mean().compute(), "std": x.std().compute(), "min": x.min().compute(), "max": x.max().compute()}
