# astype float
# message: A conversion changes no numbers
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
        z = zarr.create_array(out, shape=d.shape, chunks=chunks, dtype="float32")
        for i in range(0, d.shape[0], chunks[0]):
            z[i : i + chunks[0]] = d[i : i + chunks[0]]
        z.attrs.update({k: plain(v) for k, v in d.attrs.items()})
    return z
