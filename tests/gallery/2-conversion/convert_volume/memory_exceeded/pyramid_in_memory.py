# np.stack, then the whole pyramid as a list of arrays, then writing
def convert_volume(folder, out, voxel_size, levels):
    paths = sorted(folder.glob("plane_*.tif"), key=lambda p: int(p.stem.split("_")[1]))
    pyramid = [np.stack([tifffile.imread(p) for p in paths])]
    while len(pyramid) < levels:
        data = pyramid[-1]
        data = np.pad(data, [(0, n % 2) for n in data.shape], mode="edge")
        z, y, x = (n // 2 for n in data.shape)
        mean = data.reshape(z, 2, y, 2, x, 2).mean(axis=(1, 3, 5))
        pyramid.append(np.rint(mean).astype(data.dtype))
    group = zarr.create_group(out)
    for k, data in enumerate(pyramid):
        array = group.create_array(
            str(k), shape=data.shape, chunks=(16, 128, 128), dtype=data.dtype, dimension_names=("z", "y", "x")
        )
        array[:] = data
    multiscale_metadata(group, voxel_size, "micrometer", ("z", "y", "x"))
    return group
