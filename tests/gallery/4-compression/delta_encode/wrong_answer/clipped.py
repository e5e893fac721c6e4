# Cuts differences off at the ends of int16
# message: were cut off at the end of int16
def delta_encode(x):
    d = np.diff(x.astype("int32"), axis=0, prepend=0)
    return np.clip(d, -32768, 32767).astype("int16")


def delta_decode(d):
    return np.cumsum(d, axis=0, dtype=d.dtype)
