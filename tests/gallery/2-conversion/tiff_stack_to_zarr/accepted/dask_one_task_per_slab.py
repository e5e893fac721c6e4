# dask: one task reads one slab, da.store writes whole chunks
def tiff_stack_to_zarr(folder, out, chunks):
    planes = {int(p.stem[6:]): p for p in folder.glob("plane_*.tif")}
    low, high = min(planes), max(planes)
    missing = [n for n in range(low, high + 1) if n not in planes]
    if missing:
        raise FileNotFoundError(f"missing: {', '.join(f'plane_{n}.tif' for n in missing)}")
    first = tifffile.imread(planes[low])
    n = high - low + 1

    @dask.delayed
    def read(start, stop):
        slab = np.empty((stop - start, *first.shape), first.dtype)
        for z in range(start, stop):
            slab[z - start] = tifffile.imread(planes[low + z])
        return slab

    slabs = []
    for start in range(0, n, chunks[0]):
        stop = min(start + chunks[0], n)
        slabs.append(da.from_delayed(read(start, stop), (stop - start, *first.shape), first.dtype))
    array = zarr.create_array(
        out, shape=(n, *first.shape), dtype=first.dtype, chunks=chunks, dimension_names=("z", "y", "x")
    )
    da.store(da.concatenate(slabs), array)
    return array
