# Makes the array to ask it
def nbytes(shape, dtype):
    return np.empty(shape, dtype).nbytes
