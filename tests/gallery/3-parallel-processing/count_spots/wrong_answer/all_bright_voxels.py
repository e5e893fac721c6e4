# Only the threshold
# message: all bright voxels
def count_spots(volume, threshold, radius):
    return int((volume >= threshold).sum().compute())
