# dask to_zarr with chunks deeper than its blocks: tasks overwrite each other
# message: two tasks
def tiff_stack_to_zarr(folder, out, chunks):
    paths = sorted(folder.glob("plane_*.tif"), key=lambda path: int(path.stem.split("_")[1]))
    numbers = [int(path.stem.split("_")[1]) for path in paths]
    for n in range(numbers[0], numbers[-1] + 1):
        if n not in numbers:
            raise FileNotFoundError(f"plane_{n}.tif")

    first = tifffile.imread(paths[0])
    blocks = []
    for start in range(0, len(paths), 7):
        part = paths[start : start + 7]
        block = dask.delayed(tifffile.imread)(part if len(part) > 1 else part[0])
        blocks.append(da.from_delayed(block, (len(part), *first.shape), first.dtype))
    da.concatenate(blocks).to_zarr(out, chunks=chunks, dimension_names=("z", "y", "x"))
    return zarr.open_array(out)
