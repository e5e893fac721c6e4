# Forgets the case that nothing fits
# message: Expected the path as a str
def pick_level(group, max_pixels):
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    for dataset in datasets:
        shape = group[dataset["path"]].shape
        if shape[-2] * shape[-1] <= max_pixels:
            return dataset["path"]
