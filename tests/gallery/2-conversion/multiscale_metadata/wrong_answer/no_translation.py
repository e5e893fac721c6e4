# Scale only
# message: the translation is missing or 0
def multiscale_metadata(group, voxel_size, unit, axes):
    if unit not in FULL_NAMES.values():
        raise ValueError(f"use {FULL_NAMES.get(unit, 'a full name')}")
    if list(axes) != [name for name in "tczyx" if name in axes]:
        raise ValueError("wrong order")
    described = []
    for name in axes:
        if name in "tc":
            described.append({"name": name, "type": {"t": "time", "c": "channel"}[name]})
        else:
            described.append({"name": name, "type": "space", "unit": unit})
    scale = [float(size) for size in voxel_size]
    datasets = []
    level = 0
    while str(level) in group:
        if level > 0:
            finer, coarser = group[str(level - 1)].shape, group[str(level)].shape
            scale = [s if a == b else 2 * s for s, a, b in zip(scale, finer, coarser)]
        translation = [(s - v) / 2 for s, v in zip(scale, voxel_size)]
        datasets.append(
            {
                "path": str(level),
                "coordinateTransformations": [
                    {"type": "scale", "scale": scale},
                ],
            }
        )
        level += 1
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": described, "datasets": datasets}]}
