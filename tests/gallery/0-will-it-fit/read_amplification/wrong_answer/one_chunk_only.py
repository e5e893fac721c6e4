# Forgets how many chunks
# message: That is for one chunk
def read_amplification(touched, chunks, selected):
    return math.prod(chunks) / math.prod(selected)
