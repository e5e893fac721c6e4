# tifffile.imread of all files at once
def tiff_stack_to_zarr(folder, out, chunks):
    paths = sorted(folder.glob("plane_*.tif"), key=lambda path: int(path.stem.split("_")[1]))
    numbers = [int(path.stem.split("_")[1]) for path in paths]
    for n in range(numbers[0], numbers[-1] + 1):
        if n not in numbers:
            raise FileNotFoundError(f"plane_{n}.tif")

    volume = tifffile.imread(paths)
    array = zarr.create_array(
        out, shape=volume.shape, dtype=volume.dtype, chunks=chunks, dimension_names=("z", "y", "x")
    )
    for start in range(0, len(volume), chunks[0]):
        array[start : start + chunks[0]] = volume[start : start + chunks[0]]
    return array
