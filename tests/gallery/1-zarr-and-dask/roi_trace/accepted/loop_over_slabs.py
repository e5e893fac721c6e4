# A slab at a time, the pixels selected
def roi_trace(array, mask):
    if not mask.any():
        raise ValueError("no pixel under the mask")
    parts = []
    for t in range(0, array.shape[0], array.chunks[0]):
        slab = array[t : t + array.chunks[0]]
        parts.append(slab[:, mask].mean(axis=1))
    return np.concatenate(parts)
