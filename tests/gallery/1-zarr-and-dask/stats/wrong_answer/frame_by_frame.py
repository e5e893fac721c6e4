# One frame at a time: every chunk is read as often as it has frames
# message: was read 3 times
def stats(array):
    n, total, squares, low, high = 0, 0.0, 0.0, np.inf, -np.inf
    for t in range(array.shape[0]):
        frame = array[t].astype("float64")
        n += frame.size
        total += frame.sum()
        squares += (frame**2).sum()
        low, high = min(low, frame.min()), max(high, frame.max())
    mean = total / n
    return {"mean": mean, "std": (squares / n - mean**2) ** 0.5, "min": low, "max": high}
