# < for <=
# message: <=, not <
def pick_level(group, max_pixels):
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    for dataset in datasets:
        shape = group[dataset["path"]].shape
        if shape[-2] * shape[-1] < max_pixels:
            return dataset["path"]
    return datasets[-1]["path"]
