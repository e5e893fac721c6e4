# A list of codecs still to be looked at
def is_portable(path):
    with open(path / "zarr.json") as file:
        todo = json.load(file)["codecs"]
    while todo:
        codec = todo.pop()
        if codec["name"] not in PORTABLE:
            return False
        if codec["name"] == "sharding_indexed":
            todo += codec["configuration"]["codecs"] + codec["configuration"]["index_codecs"]
    return True
