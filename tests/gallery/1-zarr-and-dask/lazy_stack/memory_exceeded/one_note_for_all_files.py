# Lazy, but one note reads everything
def lazy_stack(paths):
    first = tifffile.imread(paths[0])
    paths = sorted(paths, key=lambda path: int(path.stem.split('_')[1]))

    def read_all():
        return np.stack([tifffile.imread(path) for path in paths])

    return da.from_delayed(dask.delayed(read_all)(), shape=(len(paths), *first.shape), dtype=first.dtype)
