# Looks at the last codec
# message: Filters count
def is_portable(path):
    codecs = json.loads((path / "zarr.json").read_text())["codecs"]
    return codecs[-1]["name"] in PORTABLE
