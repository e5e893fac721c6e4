# Adds the counts of the axes
# message: Counts of the axes multiply
def chunks_touched(shape, chunks, selection):
    count = 0
    for n, c, s in zip(shape, chunks, selection):
        start, stop, _ = s.indices(n)
        if stop <= start:
            return 0
        count += (stop - 1) // c - start // c + 1
    return count
