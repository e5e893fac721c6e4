# Goes into shards, not into their index
# message: index_codecs count too
def is_portable(path):
    todo = json.loads((path / "zarr.json").read_text())["codecs"]
    while todo:
        codec = todo.pop()
        if codec["name"] not in PORTABLE:
            return False
        todo += codec.get("configuration", {}).get("codecs", [])
    return True
