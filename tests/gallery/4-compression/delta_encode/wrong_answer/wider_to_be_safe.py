# int32, so that nothing overflows
# message: A wider dtype has more bytes
def delta_encode(x):
    return np.diff(x.astype("int32"), axis=0, prepend=0)


def delta_decode(d):
    return np.cumsum(d, axis=0).astype("int16")
