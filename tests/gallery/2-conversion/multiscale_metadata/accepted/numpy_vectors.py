# Factors as a numpy vector per level
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
GOOD_UNITS = ["nanometer", "micrometer", "millimeter", "centimeter", "meter"]


def multiscale_metadata(group, voxel_size, unit, axes):
    if unit not in GOOD_UNITS:
        raise ValueError(f"{unit} is not a unit of OME-Zarr, use {FULL_NAMES.get(unit, GOOD_UNITS)}")
    positions = ["tczyx".find(name) for name in axes]
    if -1 in positions or positions != sorted(set(positions)):
        raise ValueError(f"axes {axes} are not in the order t, c, z, y, x")
    shapes = []
    while str(len(shapes)) in group:
        shapes.append(np.array(group[str(len(shapes))].shape))
    halved = np.array([np.zeros(len(axes), int)] + [a != b for a, b in zip(shapes, shapes[1:])]).cumsum(axis=0)
    scales = np.array(voxel_size) * 2.0**halved
    datasets = []
    for k, scale in enumerate(scales):
        steps = [{"type": "scale", "scale": scale.tolist()}]
        if k > 0:
            steps.append({"type": "translation", "translation": ((scale - scales[0]) / 2).tolist()})
        datasets.append({"path": f"{k}", "coordinateTransformations": steps})
    ax = [{"name": n, "type": TYPES[n]} | ({"unit": unit} if TYPES[n] == "space" else {}) for n in axes]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"name": "image", "axes": ax, "datasets": datasets}]}
