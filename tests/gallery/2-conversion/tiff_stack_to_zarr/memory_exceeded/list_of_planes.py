# Writes slab by slab, from a list that holds every plane
def tiff_stack_to_zarr(folder, out, chunks):
    paths = sorted(folder.glob("plane_*.tif"), key=lambda path: int(path.stem.split("_")[1]))
    numbers = [int(path.stem.split("_")[1]) for path in paths]
    for n in range(numbers[0], numbers[-1] + 1):
        if n not in numbers:
            raise FileNotFoundError(f"plane_{n}.tif")

    planes = []
    for path in paths:
        planes.append(tifffile.imread(path))
    array = zarr.create_array(
        out,
        shape=(len(planes), *planes[0].shape),
        dtype=planes[0].dtype,
        chunks=chunks,
        dimension_names=("z", "y", "x"),
    )
    for start in range(0, len(planes), chunks[0]):
        array[start : start + chunks[0]] = np.stack(planes[start : start + chunks[0]])
    return array
