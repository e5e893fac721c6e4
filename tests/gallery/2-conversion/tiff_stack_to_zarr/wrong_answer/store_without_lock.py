# da.store(lock=False), tasks of five planes, into chunks of many
# message: two tasks
def tiff_stack_to_zarr(folder, out, chunks):
    paths = sorted(folder.glob("plane_*.tif"), key=lambda path: int(path.stem.split("_")[1]))
    numbers = [int(path.stem.split("_")[1]) for path in paths]
    for n in range(numbers[0], numbers[-1] + 1):
        if n not in numbers:
            raise FileNotFoundError(f"plane_{n}.tif")

    first = tifffile.imread(paths[0])
    array = zarr.create_array(
        out, shape=(len(paths), *first.shape), dtype=first.dtype, chunks=chunks, dimension_names=("z", "y", "x")
    )

    @dask.delayed
    def read(part):
        return np.stack([tifffile.imread(path) for path in part])

    blocks = []
    for start in range(0, len(paths), 5):
        part = paths[start : start + 5]
        blocks.append(da.from_delayed(read(part), (len(part), *first.shape), first.dtype))
    da.store(da.concatenate(blocks), array, lock=False)
    return array
