def acquisition_bytes(rate_hz, seconds, sample_shape, dtype, ratio=1.0):
    one_sample = np.dtype(dtype).itemsize
    for n in sample_shape:
        one_sample *= n
    samples = int(rate_hz * seconds + 0.5)
    return -int(-samples * one_sample // ratio)
