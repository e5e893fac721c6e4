# Chunks of 32 x 32 x 32: 64 KiB
# message: expected 0.25 to 4 MiB
def convert_volume(folder, out, voxel_size, levels):
    group = zarr.create_group(out)
    array = tiff_stack_to_zarr(folder, out / "0", (32, 32, 32))
    for level in range(1, levels):
        shape = [-(-n // 2) for n in array.shape]
        smaller = group.create_array(
            str(level), shape=shape, chunks=(32, 32, 32), dtype=array.dtype, dimension_names=("z", "y", "x")
        )
        downsample2(array, smaller)
        array = smaller
    multiscale_metadata(group, voxel_size, "micrometer", ("z", "y", "x"))
    return group
