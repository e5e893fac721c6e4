# zarr opens both
def identify(path):
    node = zarr.open(path, mode="r")
    attributes = dict(node.attrs)
    version = None
    if node.metadata.zarr_format == 3 and "ome" in attributes:
        version = attributes["ome"].get("version")
    if node.metadata.zarr_format == 2 and attributes.get("multiscales"):
        version = attributes["multiscales"][0].get("version")
    return node.metadata.zarr_format, version
