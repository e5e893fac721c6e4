# A small function for each fault
def problems(path):
    group = zarr.open_group(path, mode="r")
    multiscales = group.attrs.asdict().get("ome", {}).get("multiscales", [])
    if not multiscales:
        return ["ome"]
    image = multiscales[0]
    datasets = image["datasets"]

    def get(dataset, kind):
        found = [t[kind] for t in dataset["coordinateTransformations"] if t["type"] == kind]
        return np.array(found[0] if found else [0.0] * len(image["axes"]))

    def array(dataset):
        node = dict(group.members(max_depth=None)).get(dataset["path"])
        return node if isinstance(node, zarr.Array) else None

    def axes():
        places = ["tczyx".find(axis["name"]) for axis in image["axes"]]
        return -1 in places or places != sorted(set(places)) or len([p for p in places if p > 1]) < 2

    def unit():
        units = [axis.get("unit") for axis in image["axes"] if axis["type"] == "space"]
        return not set(units) <= {"nanometer", "micrometer", "millimeter"}

    def missing():
        return any(array(d) is None for d in datasets)

    def scale():
        for one, two in zip(datasets, datasets[1:]):
            a, b = array(one), array(two)
            if a is not None and b is not None:
                factor = np.where(np.array(a.shape) == b.shape, 1.0, 2.0)
                if not np.allclose(get(two, "scale"), factor * get(one, "scale"), atol=0, rtol=1e-6):
                    return True
        return False

    def translation():
        s0, t0 = get(datasets[0], "scale"), get(datasets[0], "translation")
        off = [get(d, "translation") - t0 - (get(d, "scale") - s0) / 2 for d in datasets]
        return np.abs(off).max() > 1e-6

    return [f.__name__ for f in (axes, missing, scale, translation, unit) if f()]
