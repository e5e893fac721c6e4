# No names for the axes
# message: dimension_names
def tiff_stack_to_zarr(folder, out, chunks):
    paths = sorted(folder.glob("plane_*.tif"), key=lambda path: int(path.stem.split("_")[1]))
    numbers = [int(path.stem.split("_")[1]) for path in paths]
    for n in range(numbers[0], numbers[-1] + 1):
        if n not in numbers:
            raise FileNotFoundError(f"plane_{n}.tif")

    first = tifffile.imread(paths[0])
    array = zarr.create_array(out, shape=(len(paths), *first.shape), dtype=first.dtype, chunks=chunks)

    for start in range(0, len(paths), chunks[0]):
        slab = np.stack([tifffile.imread(path) for path in paths[start : start + chunks[0]]])
        array[start : start + len(slab)] = slab
    return array
