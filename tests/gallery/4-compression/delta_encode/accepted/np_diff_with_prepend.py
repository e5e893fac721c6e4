# np.diff with a row of zeros in front; decodes in int64 and casts back
def delta_encode(x):
    return np.diff(x, axis=0, prepend=np.zeros((1, x.shape[1]), x.dtype))


def delta_decode(d):
    return np.cumsum(d, axis=0).astype(np.int16)
