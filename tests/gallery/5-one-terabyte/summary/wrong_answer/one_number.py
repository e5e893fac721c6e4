# Over all axes
# message: one number for each pixel
def summary(movie):
    x = da.from_zarr(movie)
    mean, std = dask.compute(x.mean(), x.std())
    return np.array(mean), np.array(std)
