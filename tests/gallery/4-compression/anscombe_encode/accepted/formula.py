# The formula, in float64
def anscombe_encode(x, gain, dark):
    n = (x.astype(float) - dark) / gain
    n[n < 0] = 0
    y = np.round(2 * np.sqrt(n + 0.375)).astype(int)
    return y.astype(np.uint8) if y.max() < 256 else y.astype(np.uint16)


def anscombe_decode(codes, gain, dark):
    n = codes.astype(float) ** 2 / 4 - 0.375
    x = np.round(n * gain + dark)
    x[x < 0] = 0
    x[x > 65535] = 65535
    return x.astype(np.uint16)
