# message: it grows with the data
def process(array):
    return array.mean(axis=tuple(range(1, array.ndim))).compute()
