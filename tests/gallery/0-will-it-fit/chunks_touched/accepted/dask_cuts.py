# dask cuts an axis into chunks; those that share a value count
import dask.array as da


def chunks_touched(shape, chunks, selection):
    count = 1
    for n, c, s in zip(shape, chunks, selection):
        numbers = np.arange(n) // c
        picked = da.from_array(numbers, chunks=c)[s].compute()
        count *= len(np.unique(picked))
    return count
