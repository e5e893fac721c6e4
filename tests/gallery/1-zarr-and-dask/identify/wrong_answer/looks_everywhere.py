# Takes a version wherever it is
# message: It does not stand where it belongs
def identify(path):
    node = zarr.open(path, mode="r")
    version = node.attrs.get("ome", {}).get("version")
    if version is None:
        version = node.attrs.get("multiscales", [{}])[0].get("version")
    return node.metadata.zarr_format, version
