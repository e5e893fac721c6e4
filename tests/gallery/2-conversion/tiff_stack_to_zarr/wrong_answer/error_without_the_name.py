# Raises for a gap, but does not say which file
# message: Expected the name of the missing file
def tiff_stack_to_zarr(folder, out, chunks):
    paths = sorted(folder.glob("plane_*.tif"), key=lambda path: int(path.stem.split("_")[1]))
    numbers = [int(path.stem.split("_")[1]) for path in paths]
    if len(numbers) != numbers[-1] - numbers[0] + 1:
        raise FileNotFoundError("there are planes missing")
    first = tifffile.imread(paths[0])
    array = zarr.create_array(
        out, shape=(len(paths), *first.shape), dtype=first.dtype, chunks=chunks, dimension_names=("z", "y", "x")
    )

    for start in range(0, len(paths), chunks[0]):
        slab = np.stack([tifffile.imread(path) for path in paths[start : start + chunks[0]]])
        array[start : start + len(slab)] = slab
    return array
