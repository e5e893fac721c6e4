# x - x.min() in int16
# message: went round the corner of int16: make it int32 first
def lsb_pack(x):
    offset = int(x.min())
    distance = x - x.min()
    step = int(np.gcd.reduce(distance, axis=None)) or 1
    packed = distance // step
    return packed.astype("uint8" if packed.max() <= 255 else "uint16"), step, offset


def lsb_unpack(packed, step, offset):
    return (packed.astype("int32") * step + offset).astype("int16")
