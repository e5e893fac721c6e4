# um is short for micrometer
# message: The fault 'unit' was not found
def problems(path):
    group = zarr.open_group(path, mode="r")
    image = (group.attrs.asdict().get("ome", {}).get("multiscales") or [None])[0]
    if image is None:
        return ["ome"]
    codes = []
    names = "".join(axis["name"] for axis in image["axes"])
    if not __import__("re").fullmatch("t?c?z?y?x?", names) or sum(a in names for a in "zyx") < 2:
        codes.append("axes")
    if any(axis["type"] == "space" and axis.get("unit") not in {"nanometer", "micrometer", "millimeter", "um"} for axis in image["axes"]):
        codes.append("unit")
    levels = image["datasets"]
    arrays = []
    for level in levels:
        a = group.get(level["path"])
        arrays.append(a if isinstance(a, zarr.Array) else None)
    if any(a is None for a in arrays):
        codes.append("missing")

    def part(level, kind):
        for t in level["coordinateTransformations"]:
            if t["type"] == kind:
                return t[kind]
        return [0.0] * len(names)

    wrong_scale = wrong_place = False
    first = levels[0]
    for k, level in enumerate(levels):
        for axis in range(len(names)):
            s, s0 = part(level, "scale")[axis], part(first, "scale")[axis]
            t, t0 = part(level, "translation")[axis], part(first, "translation")[axis]
            wrong_place |= abs((t - t0) - (s - s0) / 2) > 1e-6 * s
            if k and arrays[k] is not None and arrays[k - 1] is not None:
                n, m = arrays[k - 1].shape[axis], arrays[k].shape[axis]
                before = part(levels[k - 1], "scale")[axis]
                wrong_scale |= abs(s / before - (1 if n == m else 2)) > 1e-6
    if wrong_scale:
        codes.append("scale")
    if wrong_place:
        codes.append("translation")
    return sorted(codes)
