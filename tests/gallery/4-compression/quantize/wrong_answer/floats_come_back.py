# float64 takes four times the bytes
# message: expected the dtype of x
def quantize(x, max_error):
    return np.rint(x / (2 * max_error)) * 2 * max_error
