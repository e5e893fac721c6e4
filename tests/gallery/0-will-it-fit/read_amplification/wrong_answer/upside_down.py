# Asked for / decoded
# message: Upside down
def read_amplification(touched, chunks, selected):
    return math.prod(selected) / (touched * math.prod(chunks))
