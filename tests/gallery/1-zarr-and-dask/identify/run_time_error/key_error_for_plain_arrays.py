# A plain array has no attribute "ome"
# message: ome
def identify(path):
    node = zarr.open(path, mode="r")
    if node.metadata.zarr_format == 3:
        return 3, node.attrs["ome"]["version"]
    return 2, node.attrs["multiscales"][0]["version"]
