# math.gcd over the different values
import math


def lsb_pack(x):
    values = sorted(set(x.ravel().tolist()))
    low = values[0]
    step = math.gcd(*(v - low for v in values)) or 1
    packed = (x.astype(int) - low) // step
    return packed.astype(np.uint8 if packed.max() < 256 else np.uint16), step, low


def lsb_unpack(packed, step, offset):
    return (packed.astype(int) * step + offset).astype(np.int16)
