# // cuts off
# message: All errors go the same way
def quantize(x, max_error):
    step = 2 * max_error
    return (x // step * step).astype(x.dtype)
