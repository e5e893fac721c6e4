# Forgets empty selections
# message: Nothing is selected here
def chunks_touched(shape, chunks, selection):
    count = 1
    for n, c, s in zip(shape, chunks, selection):
        start, stop, _ = s.indices(n)
        count *= (max(stop, start + 1) - 1) // c - start // c + 1
    return count
