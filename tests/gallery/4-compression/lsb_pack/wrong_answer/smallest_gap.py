# The smallest difference between neighbours
# message: That is the smallest gap
def lsb_pack(x):
    values = np.unique(x.astype("int64"))
    step = int(np.diff(values).min())
    offset = int(values[0])
    packed = (x.astype("int64") - offset) // step
    return packed.astype("uint8" if packed.max() <= 255 else "uint16"), step, offset


def lsb_unpack(packed, step, offset):
    return (packed.astype("int32") * step + offset).astype("int16")
