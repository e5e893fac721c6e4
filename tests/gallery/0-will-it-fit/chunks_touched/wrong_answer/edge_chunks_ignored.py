# Only chunks that are full: the one at the edge is left out
# message: may be cut off by the edge of the array
def chunks_touched(shape, chunks, selection):
    count = 1
    for n, c, s in zip(shape, chunks, selection):
        start, stop, _ = s.indices(n)
        if stop <= start:
            return 0
        count *= min((stop - 1) // c, max(n // c - 1, 0)) - min(start // c, max(n // c - 1, 0)) + 1
    return count
