# Each block alone
# message: Each block was looked at alone
def count_spots(volume, threshold, radius):
    def is_spot(block):
        return (block == ndimage.maximum_filter(block, size=2 * radius + 1)) & (block >= threshold)

    return int(volume.map_blocks(is_spot, dtype=bool).sum().compute())
