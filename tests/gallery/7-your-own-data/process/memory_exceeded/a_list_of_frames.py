# message: memory grows with the data
def process(array):
    frames = []
    for start in range(0, array.shape[0], 8):
        frames.extend(array[start : start + 8].compute())
    return np.max(frames, axis=0)
