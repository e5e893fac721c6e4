# float("0.10") is 0.1
# message: The version is a text
def identify(path):
    node = zarr.open(path, mode="r")
    if node.metadata.zarr_format == 3:
        version = node.attrs.get("ome", {}).get("version")
    else:
        version = node.attrs.get("multiscales", [{}])[0].get("version")
    return node.metadata.zarr_format, None if version is None else float(version)
