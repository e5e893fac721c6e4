# Looks into the files themselves
import json


def identify(path):
    if (path / "zarr.json").exists():
        attributes = json.loads((path / "zarr.json").read_text()).get("attributes", {})
        return 3, attributes.get("ome", {}).get("version")
    attributes = {}
    if (path / ".zattrs").exists():
        attributes = json.loads((path / ".zattrs").read_text())
    images = attributes.get("multiscales", [])
    return 2, images[0].get("version") if images else None
