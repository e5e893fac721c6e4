# np.diff alone
# message: The first row has to be kept
def delta_encode(x):
    return np.diff(x, axis=0)


def delta_decode(d):
    return np.cumsum(d, axis=0, dtype=d.dtype)
