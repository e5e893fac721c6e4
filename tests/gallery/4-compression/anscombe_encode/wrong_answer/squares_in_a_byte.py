# codes ** 2 in uint8
# message: use floats before you square
def anscombe_encode(x, gain, dark):
    codes = np.rint(2 * np.sqrt(np.maximum((x.astype("float64") - dark) / gain, 0) + 3 / 8))
    return codes.astype("uint8" if codes.max() <= 255 else "uint16")


def anscombe_decode(codes, gain, dark):
    return np.clip(np.rint(dark + gain * (codes * codes / 4 - 3 / 8)), 0, 65535).astype("uint16")
