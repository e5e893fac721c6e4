# Believes that zarr 3 (the library) means format 3
# message: format 3 is only the default for new arrays
def identify(path):
    node = zarr.open(path, mode="r")
    if "ome" in node.attrs:
        return 3, node.attrs["ome"].get("version")
    return 3, node.attrs.get("multiscales", [{}])[0].get("version")
