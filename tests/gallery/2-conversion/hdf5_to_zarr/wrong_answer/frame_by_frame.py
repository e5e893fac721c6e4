# One frame at a time into chunks of many
# message: A chunk was written
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
        chunks = d.chunks or tuple(min(n, 64) for n in d.shape)
        z = zarr.create_array(out, shape=d.shape, chunks=chunks, dtype=d.dtype)
        for i in range(d.shape[0]):
            z[i] = d[i]
        z.attrs.update({k: plain(v) for k, v in d.attrs.items()})
    return z
