# Returns an int
# message: Expected the path as a str
def pick_level(group, max_pixels):
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    for k, dataset in enumerate(datasets):
        shape = group[dataset["path"]].shape
        if shape[-2] * shape[-1] <= max_pixels:
            return k
    return datasets[-1]["path"]
