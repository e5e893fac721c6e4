# map_overlap with a wider margin
def count_spots(volume, threshold, radius):
    def is_spot(block):
        highest = ndimage.maximum_filter(block, size=2 * radius + 1, mode="nearest")
        return (block >= threshold) & (block == highest)

    spots = volume.map_overlap(is_spot, depth=2 * radius + 1, boundary="none", dtype=bool)
    return int(spots.sum().compute())
