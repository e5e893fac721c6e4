# One chunk at a time, along all axes
import itertools


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
        starts = [range(0, n, c) for n, c in zip(d.shape, chunks)]
        for corner in itertools.product(*starts):
            block = tuple(slice(s, s + c) for s, c in zip(corner, chunks))
            z[block] = d[block]
        for key, value in d.attrs.items():
            z.attrs[key] = plain(value)
    return z
