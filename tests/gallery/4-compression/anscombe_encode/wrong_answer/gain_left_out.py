# Grey levels for photons
# message: The gain was left out
def anscombe_encode(x, gain, dark):
    codes = np.rint(2 * np.sqrt(np.maximum(x.astype("float64") - dark, 0) + 3 / 8))
    return codes.astype("uint8" if codes.max() <= 255 else "uint16")

def anscombe_decode(codes, gain, dark):
    photons = (codes.astype("float64") / 2) ** 2 - 3 / 8
    return np.clip(np.rint(dark + gain * photons), 0, 65535).astype("uint16")
