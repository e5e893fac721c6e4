# numpy's product is large enough here
def read_amplification(touched, chunks, selected):
    return float(touched * np.prod(chunks) / np.prod(selected))
