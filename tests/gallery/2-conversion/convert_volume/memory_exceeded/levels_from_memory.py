# Level 0 by slabs; for the next ones the level is read whole
def convert_volume(folder, out, voxel_size, levels):
    group = zarr.create_group(out)
    array = tiff_stack_to_zarr(folder, out / "0", (16, 128, 128))
    for level in range(1, levels):
        shape = [-(-n // 2) for n in array.shape]
        smaller = group.create_array(
            str(level), shape=shape, chunks=(16, 128, 128), dtype=array.dtype, dimension_names=("z", "y", "x")
        )
        data = array[:]
        data = np.pad(data, [(0, n % 2) for n in data.shape], mode="edge")
        z, y, x = smaller.shape
        smaller[:] = np.rint(data.reshape(z, 2, y, 2, x, 2).mean(axis=(1, 3, 5))).astype(smaller.dtype)
        array = smaller
    multiscale_metadata(group, voxel_size, "micrometer", ("z", "y", "x"))
    return group
