# uint8 times 12 goes round the corner
# message: numbers did not come back
def lsb_pack(x):
    offset = int(x.min())
    distance = x.astype("int64") - offset
    step = int(np.gcd.reduce(distance, axis=None)) or 1
    packed = distance // step
    return packed.astype("uint8" if packed.max() <= 255 else "uint16"), step, offset


def lsb_unpack(packed, step, offset):
    return (packed * packed.dtype.type(min(step, 255)) + np.int16(offset)).astype("int16")
