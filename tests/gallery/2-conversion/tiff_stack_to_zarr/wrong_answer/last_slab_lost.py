# Whole slabs only: n // chunks[0]
# message: the last slab is shorter
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

    for s in range(len(paths) // chunks[0]):
        part = paths[s * chunks[0] : (s + 1) * chunks[0]]
        array[s * chunks[0] : (s + 1) * chunks[0]] = np.stack([tifffile.imread(p) for p in part])
    return array
