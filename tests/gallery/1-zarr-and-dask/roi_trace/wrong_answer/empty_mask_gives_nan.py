# Nothing is said of an empty mask
# message: Silent NaNs
def roi_trace(array, mask):
    trace = np.empty(array.shape[0])
    for t in range(0, array.shape[0], array.chunks[0]):
        trace[t : t + array.chunks[0]] = array[t : t + array.chunks[0]][:, mask].mean(axis=1)
    return trace
