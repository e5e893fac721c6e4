# Makes all arrays, with chunks by level, then fills them
def chunks_for(shape):
    if np.prod(shape) * 2 <= 2**20:
        return tuple(shape)
    return (8, 160, 160)


def convert_volume(folder, out, voxel_size, levels):
    group = zarr.open_group(out, mode="w")
    array = tiff_stack_to_zarr(folder, out / "0", (8, 256, 256))
    for level in range(1, levels):
        shape = tuple(int(np.ceil(n / 2)) for n in array.shape)
        new = zarr.create_array(
            out / str(level), shape=shape, chunks=chunks_for(shape), dtype=array.dtype, dimension_names=("z", "y", "x")
        )
        downsample2(array, new)
        array = new
    multiscale_metadata(group, voxel_size, "micrometer", ("z", "y", "x"))
    return group
