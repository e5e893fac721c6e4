# Length over chunk, rounded up: forgets where it starts
# message: It matters where the selection starts
def chunks_touched(shape, chunks, selection):
    count = 1
    for n, c, s in zip(shape, chunks, selection):
        start, stop, _ = s.indices(n)
        if stop <= start:
            return 0
        count *= -(-(stop - start) // c)
    return count
