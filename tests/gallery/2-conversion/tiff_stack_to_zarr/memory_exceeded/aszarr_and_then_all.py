# imread(aszarr=True) is lazy, [:] is not
def tiff_stack_to_zarr(folder, out, chunks):
    paths = sorted(folder.glob("plane_*.tif"), key=lambda path: int(path.stem.split("_")[1]))
    numbers = [int(path.stem.split("_")[1]) for path in paths]
    for n in range(numbers[0], numbers[-1] + 1):
        if n not in numbers:
            raise FileNotFoundError(f"plane_{n}.tif")

    lazy = zarr.open(tifffile.imread(paths, aszarr=True), mode="r")
    array = zarr.create_array(out, shape=lazy.shape, dtype=lazy.dtype, chunks=chunks, dimension_names=("z", "y", "x"))
    array[:] = lazy[:]
    return array
