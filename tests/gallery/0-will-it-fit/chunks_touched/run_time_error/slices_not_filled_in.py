# Reads start and stop as they are: None
def chunks_touched(shape, chunks, selection):
    count = 1
    for c, s in zip(chunks, selection):
        count *= (s.stop - 1) // c - s.start // c + 1
    return count
