# Takes stop for the last value
# message: stop is not part of the selection
def chunks_touched(shape, chunks, selection):
    count = 1
    for n, c, s in zip(shape, chunks, selection):
        start, stop, _ = s.indices(n)
        if stop <= start:
            return 0
        count *= stop // c - start // c + 1
    return count
