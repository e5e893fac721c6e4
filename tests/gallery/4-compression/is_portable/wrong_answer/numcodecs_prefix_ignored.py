# Takes the last part of the name
# message: numcodecs.zstd is not zstd
def is_portable(path):
    todo = json.loads((path / "zarr.json").read_text())["codecs"]
    while todo:
        codec = todo.pop()
        if codec["name"].split(".")[-1] not in PORTABLE:
            return False
        inside = codec.get("configuration", {})
        todo += inside.get("codecs", []) + inside.get("index_codecs", [])
    return True
