# array[:], and NumPy
def stats(array):
    x = array[:]
    return {"mean": x.mean(), "std": x.std(), "min": x.min(), "max": x.max()}
