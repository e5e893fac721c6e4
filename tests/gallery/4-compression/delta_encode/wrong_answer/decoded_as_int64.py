# cumsum counts in int64, and stays there
# message: the decoded signal is int64, expected int16
def delta_encode(x):
    d = x.copy()
    d[1:] = np.diff(x, axis=0)
    return d


def delta_decode(d):
    return np.cumsum(d, axis=0)
