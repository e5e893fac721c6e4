# Makes numpy arrays of all levels first
def pick_level(group, max_pixels):
    paths = [d["path"] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    images = [np.asarray(group[path]) for path in paths]
    for path, image in zip(paths, images):
        if image[..., :, :].shape[-2] * image.shape[-1] <= max_pixels:
            return path
    return paths[-1]
