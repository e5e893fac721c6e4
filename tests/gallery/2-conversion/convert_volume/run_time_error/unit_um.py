# um, which multiscale_metadata refuses
def convert_volume(folder, out, voxel_size, levels):
    group = zarr.create_group(out)
    array = tiff_stack_to_zarr(folder, out / "0", (16, 128, 128))
    for level in range(1, levels):
        shape = [-(-n // 2) for n in array.shape]
        smaller = group.create_array(
            str(level), shape=shape, chunks=(16, 128, 128), dtype=array.dtype, dimension_names=("z", "y", "x")
        )
        downsample2(array, smaller)
        array = smaller
    multiscale_metadata(group, voxel_size, "um", ("z", "y", "x"))
    return group
