# gcd of the numbers, not of the distances
# message: divides the numbers themselves
def lsb_pack(x):
    offset = int(x.min())
    step = int(np.gcd.reduce(x.astype("int64"), axis=None)) or 1
    packed = (x.astype("int64") - offset) // step
    return packed.astype("uint8" if packed.max() <= 255 else "uint16"), step, offset


def lsb_unpack(packed, step, offset):
    return (packed.astype("int32") * step + offset).astype("int16")
