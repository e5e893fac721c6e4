# Returns the number of the level as its name
# message: which is no level of this image
def pick_level(group, max_pixels):
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    for k, dataset in enumerate(datasets):
        shape = group[dataset["path"]].shape
        if shape[-2] * shape[-1] <= max_pixels:
            return str(k)
    return datasets[-1]["path"]
