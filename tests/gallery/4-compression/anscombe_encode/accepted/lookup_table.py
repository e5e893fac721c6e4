# A table of all grey levels, and one of all codes
def anscombe_encode(x, gain, dark):
    table = np.rint(2 * np.sqrt(np.clip((np.arange(65536) - float(dark)) / gain, 0, None) + 3 / 8))
    codes = table[x]
    return codes.astype("uint8" if codes.max() <= 255 else "uint16")


def anscombe_decode(codes, gain, dark):
    y = np.arange(int(codes.max()) + 1)
    table = np.clip(np.rint(dark + gain * (y * y / 4 - 3 / 8)), 0, 65535).astype("uint16")
    return table[codes]
