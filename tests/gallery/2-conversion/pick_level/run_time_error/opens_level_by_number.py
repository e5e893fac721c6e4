# group["0"], group["1"], ...: other writers use other names
def pick_level(group, max_pixels):
    count = len(group.attrs["ome"]["multiscales"][0]["datasets"])
    for k in range(count):
        shape = group[str(k)].shape
        if shape[-2] * shape[-1] <= max_pixels:
            return str(k)
    return str(count - 1)
