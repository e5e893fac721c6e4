# message: A dask array is only a promise
def process(array):
    return array.mean(axis=0)
