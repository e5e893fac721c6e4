# Floor: the cut chunk at the end is lost
# message: Divided and rounded down
def chunks_touched(shape, chunks, selection):
    count = 1
    for n, c, s in zip(shape, chunks, selection):
        start, stop, _ = s.indices(n)
        if stop <= start:
            return 0
        count *= max(1, (stop - start) // c)
    return count
