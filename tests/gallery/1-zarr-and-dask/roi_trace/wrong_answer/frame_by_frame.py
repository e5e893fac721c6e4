# A frame at a time reads every chunk once per frame
# message: was read 4 times
def roi_trace(array, mask):
    if not mask.any():
        raise ValueError("no pixel under the mask")
    return np.array([array[t][mask].mean() for t in range(array.shape[0])])
