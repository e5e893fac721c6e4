# Asks for the chunk of every value, and counts the different ones
def chunks_touched(shape, chunks, selection):
    count = 1
    for n, c, s in zip(shape, chunks, selection):
        count *= len({i // c for i in range(n)[s]})
    return count
