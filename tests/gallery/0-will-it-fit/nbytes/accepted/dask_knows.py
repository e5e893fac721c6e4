# dask makes a description only, and sizes of Python's ints
import dask.array as da


def nbytes(shape, dtype):
    one = da.empty((1,), chunks=1, dtype=dtype)
    return math.prod(map(int, shape)) * one.nbytes
