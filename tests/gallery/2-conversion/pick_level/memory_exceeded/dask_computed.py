# dask, but computed before the shape is asked for
def pick_level(group, max_pixels):
    datasets = group.attrs["ome"]["multiscales"][0]["datasets"]
    for dataset in datasets:
        shape = da.from_zarr(group[dataset["path"]]).compute().shape
        if shape[-2] * shape[-1] <= max_pixels:
            return dataset["path"]
    return datasets[-1]["path"]
