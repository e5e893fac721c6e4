# Counts the chunks of the array
# message: Those are all chunks of the array
def chunks_touched(shape, chunks, selection):
    return math.prod(math.ceil(n / c) for n, c in zip(shape, chunks))
