# One buffer of a slab, filled plane by plane and reused
def number_of(path):
    return int(path.stem.split("_")[1])


def tiff_stack_to_zarr(folder, out, chunks):
    paths = sorted(folder.glob("plane_*.tif"), key=number_of)
    expected = number_of(paths[0])
    for path in paths:
        if number_of(path) != expected:
            raise FileNotFoundError(f"plane_{expected}.tif")
        expected += 1
    first = tifffile.imread(paths[0])
    n = len(paths)
    z = zarr.create_array(
        str(out), shape=(n,) + first.shape, dtype=first.dtype, chunks=chunks, dimension_names=["z", "y", "x"]
    )
    buffer = np.empty((chunks[0],) + first.shape, dtype=first.dtype)
    filled = 0
    start = 0
    for path in paths:
        buffer[filled] = tifffile.imread(path)
        filled += 1
        if filled == chunks[0] or path == paths[-1]:
            z[start : start + filled] = buffer[:filled]
            start += filled
            filled = 0
    return z
