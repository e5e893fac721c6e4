# compute() first
def count_spots(volume, threshold, radius):
    values = volume.compute()
    return int(((values == ndimage.maximum_filter(values, size=2 * radius + 1)) & (values >= threshold)).sum())
