# // for /
# message: Rounded down
def read_amplification(touched, chunks, selected):
    return touched * math.prod(chunks) // math.prod(selected)
