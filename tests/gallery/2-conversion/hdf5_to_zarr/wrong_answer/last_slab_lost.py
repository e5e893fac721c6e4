# Whole slabs only
# message: Was the last, shorter slab written
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
        for k in range(d.shape[0] // chunks[0]):
            i = k * chunks[0]
            z[i : i + chunks[0]] = d[i : i + chunks[0]]
        z.attrs.update({k: plain(v) for k, v in d.attrs.items()})
    return z
