# bits for bytes
# message: Those are bits
def acquisition_bytes(rate_hz, seconds, sample_shape, dtype, ratio=1.0):
    samples = round(rate_hz * seconds)
    values = math.prod(sample_shape)
    itemsize = np.dtype(dtype).itemsize
    return math.ceil(samples * values * itemsize * 8 / ratio)
