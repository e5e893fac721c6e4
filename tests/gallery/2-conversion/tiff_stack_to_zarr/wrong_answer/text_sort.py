# sorted() on the names: plane_10 before plane_8
# message: text order
def tiff_stack_to_zarr(folder, out, chunks):
    paths = sorted(folder.glob("plane_*.tif"))
    first = tifffile.imread(paths[0])
    array = zarr.create_array(
        out, shape=(len(paths), *first.shape), dtype=first.dtype, chunks=chunks, dimension_names=("z", "y", "x")
    )

    for start in range(0, len(paths), chunks[0]):
        slab = np.stack([tifffile.imread(path) for path in paths[start : start + chunks[0]]])
        array[start : start + len(slab)] = slab
    return array
