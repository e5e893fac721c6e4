# np.gcd.reduce over the distances
def lsb_pack(x):
    offset = int(x.min())
    distance = x.astype("int64").ravel() - offset
    step = max(int(np.gcd.reduce(distance)), 1)
    lines = (distance // step).reshape(x.shape)
    return lines.astype(np.min_scalar_type(int(lines.max()))), step, offset


def lsb_unpack(packed, step, offset):
    return np.int16(packed.astype("int32") * step + offset)
