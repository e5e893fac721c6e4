# trim=False: nobody is the owner
# message: counted twice
def count_spots(volume, threshold, radius):
    def is_spot(block):
        highest = ndimage.maximum_filter(block, size=2 * radius + 1, mode="nearest")
        return (block >= threshold) & (block == highest)

    spots = volume.map_overlap(is_spot, depth=radius, boundary="none", dtype=bool, trim=False)
    return int(spots.sum().compute())
