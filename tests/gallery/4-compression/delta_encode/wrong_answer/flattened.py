# cumsum without an axis
# message: the decoded signal has the shape
def delta_encode(x):
    d = x.copy()
    d[1:] = x[1:] - x[:-1]
    return d


def delta_decode(d):
    return np.cumsum(d, dtype=d.dtype)
