# astype cuts the fraction off
# message: not rounded
def anscombe_encode(x, gain, dark):
    codes = 2 * np.sqrt(np.maximum((x.astype("float64") - dark) / gain, 0) + 3 / 8)
    return codes.astype("uint8" if np.rint(codes).max() <= 255 else "uint16")

def anscombe_decode(codes, gain, dark):
    photons = (codes.astype("float64") / 2) ** 2 - 3 / 8
    return np.clip(np.rint(dark + gain * photons), 0, 65535).astype("uint16")
