# Plain loop; the error for a missing plane is the one that tifffile raises
def tiff_stack_to_zarr(folder, out, chunks):
    numbers = []
    for name in folder.iterdir():
        if name.name.startswith("plane_") and name.suffix == ".tif":
            numbers.append(int(name.name[len("plane_") : -len(".tif")]))
    a, b = min(numbers), max(numbers)
    shape, dtype = tifffile.imread(folder / f"plane_{a}.tif").shape, tifffile.imread(folder / f"plane_{a}.tif").dtype
    array = zarr.open_array(
        out, mode="w", shape=(b - a + 1, *shape), dtype=dtype, chunks=chunks, dimension_names=("z", "y", "x")
    )
    step = chunks[0]
    for i in range(a, b + 1, step):
        group = [tifffile.imread(folder / f"plane_{k}.tif") for k in range(i, min(i + step, b + 1))]
        array[i - a : i - a + len(group)] = np.asarray(group)
    return array
