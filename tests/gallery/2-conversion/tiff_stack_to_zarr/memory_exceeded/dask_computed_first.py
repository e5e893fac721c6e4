# dask: lazy planes, then compute() before writing
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

    planes = [da.from_delayed(dask.delayed(tifffile.imread)(p), first.shape, first.dtype) for p in paths]
    array[:] = da.stack(planes).rechunk(chunks).compute()
    return array
