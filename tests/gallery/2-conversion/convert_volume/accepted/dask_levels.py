# Levels with dask (pad, coarsen, store), metadata as the last step
def half(array, target):
    x = da.from_zarr(array, chunks=tuple(2 * c for c in target.chunks))
    x = da.pad(x, [(0, n % 2) for n in x.shape], mode="edge").rechunk(tuple(2 * c for c in target.chunks))
    da.store(da.rint(da.coarsen(np.mean, x, {0: 2, 1: 2, 2: 2})).astype(array.dtype), target)


def convert_volume(folder, out, voxel_size, levels):
    root = zarr.create_group(str(out))
    tiff_stack_to_zarr(folder, out / "0", (16, 96, 96))
    for k in range(1, levels):
        before = root[str(k - 1)]
        shape = [(n + 1) // 2 for n in before.shape]
        target = root.create_array(
            str(k), shape=shape, chunks=(16, 96, 96), dtype=before.dtype, dimension_names=("z", "y", "x")
        )
        half(before, target)
    multiscale_metadata(root, voxel_size, "micrometer", ["z", "y", "x"])
    return root
