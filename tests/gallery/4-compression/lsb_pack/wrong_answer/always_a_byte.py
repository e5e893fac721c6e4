# uint8, however many steps there are
# message: packed is uint8: it ends at 255
def lsb_pack(x):
    offset = int(x.min())
    distance = x.astype("int64") - offset
    step = int(np.gcd.reduce(distance, axis=None)) or 1
    return (distance // step).astype("uint8"), step, offset


def lsb_unpack(packed, step, offset):
    return (packed.astype("int32") * step + offset).astype("int16")
