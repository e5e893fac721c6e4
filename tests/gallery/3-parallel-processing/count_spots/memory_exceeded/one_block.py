# rechunk to one block
def count_spots(volume, threshold, radius):
    def is_spot(block):
        return (block == ndimage.maximum_filter(block, size=2 * radius + 1)) & (block >= threshold)

    return int(volume.rechunk(-1).map_blocks(is_spot, dtype=bool).sum().compute())
