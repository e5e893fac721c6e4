# dask blocks that are the chunks, stored while the file is open
def hdf5_to_zarr(path, name, out):

    def plain(value):
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, (np.ndarray, np.generic)):
            value = value.tolist()
        if isinstance(value, list):
            return [plain(v) for v in value]
        return value.decode() if isinstance(value, bytes) else value

    with h5py.File(path, "r") as f:
        d = f[name]
        chunks = d.chunks or tuple(min(n, 50) for n in d.shape)
        z = zarr.create_array(out, shape=d.shape, chunks=chunks, dtype=d.dtype)
        da.store(da.from_array(d, chunks=chunks), z)
        z.attrs.update({key: plain(value) for key, value in d.attrs.items()})
    return z
