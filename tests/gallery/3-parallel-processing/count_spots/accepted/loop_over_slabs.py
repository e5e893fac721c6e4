# Slabs with margins by hand; a slab owns its own planes
def count_spots(volume, threshold, radius):
    depth, step, total = volume.shape[0], 16, 0
    for z in range(0, depth, step):
        low, high = max(z - radius, 0), min(z + step + radius, depth)
        slab = volume[low:high].compute()
        spots = (slab == ndimage.maximum_filter(slab, size=2 * radius + 1)) & (slab >= threshold)
        total += int(spots[z - low : min(z + step, depth) - low].sum())
    return total
