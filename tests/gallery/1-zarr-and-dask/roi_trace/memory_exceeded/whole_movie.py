# array[:, mask] with NumPy, on everything
def roi_trace(array, mask):
    if not mask.any():
        raise ValueError("no pixel under the mask")
    return array[:][:, mask].mean(axis=1)
