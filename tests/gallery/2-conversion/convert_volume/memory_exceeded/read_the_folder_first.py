# imread of the folder into one array, written in one go
def convert_volume(folder, out, voxel_size, levels):
    group = zarr.create_group(out)
    paths = sorted(folder.glob("plane_*.tif"), key=lambda p: int(p.stem.split("_")[1]))
    data = tifffile.imread(paths)
    array = group.create_array(
        "0", shape=data.shape, chunks=(16, 128, 128), dtype=data.dtype, dimension_names=("z", "y", "x")
    )
    array[:] = data
    for level in range(1, levels):
        shape = [-(-n // 2) for n in array.shape]
        smaller = group.create_array(
            str(level), shape=shape, chunks=(16, 128, 128), dtype=array.dtype, dimension_names=("z", "y", "x")
        )
        downsample2(array, smaller)
        array = smaller
    multiscale_metadata(group, voxel_size, "micrometer", ("z", "y", "x"))
    return group
