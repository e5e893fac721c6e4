def process(array):
    mean = array.mean(axis=0)
    mean_of_squares = (array.astype("float64") ** 2).mean(axis=0)
    mean, mean_of_squares = dask.compute(mean, mean_of_squares)
    return np.sqrt(np.maximum(mean_of_squares - mean**2, 0)) / mean
