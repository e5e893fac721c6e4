# Levels without names of axes
# message: expected dimension_names
def convert_volume(folder, out, voxel_size, levels):
    group = zarr.create_group(out)
    array = tiff_stack_to_zarr(folder, out / "0", (16, 128, 128))
    for level in range(1, levels):
        shape = [-(-n // 2) for n in array.shape]
        smaller = group.create_array(str(level), shape=shape, chunks=(16, 128, 128), dtype=array.dtype)
        downsample2(array, smaller)
        array = smaller
    multiscale_metadata(group, voxel_size, "micrometer", ("z", "y", "x"))
    return group
