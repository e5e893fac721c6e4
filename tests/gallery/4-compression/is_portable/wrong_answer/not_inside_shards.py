# Only the codecs at the top
# message: Look into the configuration of sharding_indexed
def is_portable(path):
    codecs = json.loads((path / "zarr.json").read_text())["codecs"]
    return all(codec["name"] in PORTABLE for codec in codecs)
