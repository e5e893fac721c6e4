# From coarse to fine, keeps the last that fits
def pick_level(group, max_pixels):
    paths = [d["path"] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    best = paths[-1]
    for path in reversed(paths):
        *_, y, x = group[path].shape
        if y * x <= max_pixels:
            best = path
    return best
