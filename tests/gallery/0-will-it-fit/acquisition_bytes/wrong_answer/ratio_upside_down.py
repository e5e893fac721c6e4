# Multiplies by the ratio
# message: The ratio is upside down
def acquisition_bytes(rate_hz, seconds, sample_shape, dtype, ratio=1.0):
    samples = round(rate_hz * seconds)
    values = math.prod(sample_shape)
    itemsize = np.dtype(dtype).itemsize
    return math.ceil(samples * values * itemsize * ratio)
