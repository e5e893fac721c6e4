# The mean under the mask in each chunk, and the mean of those
# message: the mean of the chunks' means
def roi_trace(array, mask):
    if not mask.any():
        raise ValueError("no pixel under the mask")
    ct, cy, cx = array.chunks
    trace = np.empty(array.shape[0])
    for t in range(0, array.shape[0], ct):
        means = []
        for y in range(0, array.shape[1], cy):
            for x in range(0, array.shape[2], cx):
                under = mask[y : y + cy, x : x + cx]
                if under.any():
                    means.append(array[t : t + ct, y : y + cy, x : x + cx][:, under].mean(axis=1))
        trace[t : t + ct] = np.mean(means, axis=0)
    return trace
