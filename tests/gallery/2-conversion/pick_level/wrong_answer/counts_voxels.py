# Counts all voxels, not the pixels of a plane
# message: not all voxels
def pick_level(group, max_pixels):
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    for dataset in datasets:
        shape = group[dataset["path"]].shape
        if np.prod(shape) <= max_pixels:
            return dataset["path"]
    return datasets[-1]["path"]
