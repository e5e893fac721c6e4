# next() over lazy dask arrays: their shapes are known without reading
def pick_level(group, max_pixels):
    paths = [d["path"] for d in group.attrs["ome"]["multiscales"][0]["datasets"]]
    levels = {path: da.from_zarr(group[path]) for path in paths}
    return next((p for p in paths if levels[p].shape[-1] * levels[p].shape[-2] <= max_pixels), paths[-1])
