# Row by row
def delta_encode(x):
    out = np.empty_like(x)
    out[0] = x[0]
    for t in range(1, len(x)):
        out[t] = x[t] - x[t - 1]
    return out


def delta_decode(d):
    out = np.empty_like(d)
    last = np.zeros(d.shape[1], d.dtype)
    for t, row in enumerate(d):
        last = last + row
        out[t] = last
    return out
