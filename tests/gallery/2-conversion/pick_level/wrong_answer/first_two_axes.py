# Takes z and y for the plane
# message: y and x are the last two axes
def pick_level(group, max_pixels):
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    for dataset in datasets:
        shape = group[dataset["path"]].shape
        if shape[0] * shape[1] <= max_pixels:
            return dataset["path"]
    return datasets[-1]["path"]
