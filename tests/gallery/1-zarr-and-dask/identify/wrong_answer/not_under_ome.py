# Looks for multiscales at the top, as in 0.4
# message: stands under the attribute "ome"
def identify(path):
    node = zarr.open(path, mode="r")
    images = node.attrs.get("multiscales", [{}])
    return node.metadata.zarr_format, images[0].get("version")
