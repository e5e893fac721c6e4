# A function that calls itself
def known(codec):
    inside = codec.get("configuration", {})
    deeper = inside.get("codecs", []) + inside.get("index_codecs", [])
    return codec["name"] in PORTABLE and all(known(c) for c in deeper)


def is_portable(path):
    return all(known(c) for c in json.loads((path / "zarr.json").read_text())["codecs"])
