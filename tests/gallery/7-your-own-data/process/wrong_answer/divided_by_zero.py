# message: not finite everywhere
def process(array):
    mean = array.mean(axis=0).compute()
    return mean / (mean - mean)
