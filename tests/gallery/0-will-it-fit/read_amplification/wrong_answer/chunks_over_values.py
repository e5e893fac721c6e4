# Divides chunks by values
# message: You divided chunks by values
def read_amplification(touched, chunks, selected):
    return touched / math.prod(selected)
