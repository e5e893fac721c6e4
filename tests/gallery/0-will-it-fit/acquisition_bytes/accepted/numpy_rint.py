def acquisition_bytes(rate_hz, seconds, sample_shape, dtype, ratio=1.0):
    samples = int(np.rint(rate_hz * seconds))
    values = int(np.prod(sample_shape, dtype="int64"))
    return int(np.ceil(samples * values * np.dtype(dtype).itemsize / ratio))
