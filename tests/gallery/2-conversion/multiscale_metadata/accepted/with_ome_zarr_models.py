# Lets ome-zarr-models build the parts
from ome_zarr_models.v05.axes import Axis
from ome_zarr_models.v05.image import ImageAttrs
from ome_zarr_models.v05.multiscales import Dataset, Multiscale


def multiscale_metadata(group, voxel_size, unit, axes):
    if unit in FULL_NAMES:
        raise ValueError(f"write {FULL_NAMES[unit]} instead of {unit}")
    if unit not in FULL_NAMES.values():
        raise ValueError(f"unknown unit {unit}")
    order = {name: i for i, name in enumerate("tczyx")}
    if any(name not in order for name in axes) or sorted(axes, key=order.get) != list(axes):
        raise ValueError("axes must be in the order t, c, z, y, x")

    names = sorted((n for n in group.array_keys() if n.isdigit()), key=int)
    scale = list(map(float, voxel_size))
    datasets = []
    for i, name in enumerate(names):
        if i > 0:
            now, before = group[name].shape, group[names[i - 1]].shape
            for axis in range(len(axes)):
                if now[axis] < before[axis]:
                    scale[axis] *= 2
        translation = [s / 2 - v / 2 for s, v in zip(scale, voxel_size)]
        datasets.append(Dataset.build(path=name, scale=list(scale), translation=translation))

    kinds = {"t": "time", "c": "channel"}
    described = [Axis(name=n, type=kinds[n]) if n in kinds else Axis(name=n, type="space", unit=unit) for n in axes]
    image = Multiscale(axes=described, datasets=tuple(datasets), name="image")
    attributes = ImageAttrs(multiscales=[image], version="0.5")
    group.attrs["ome"] = attributes.model_dump(mode="json", exclude_none=True)
