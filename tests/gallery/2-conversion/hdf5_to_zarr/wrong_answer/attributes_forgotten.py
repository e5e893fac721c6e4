# Values only
# message: The attributes ['rate_hz', 'unit'] are missing
def hdf5_to_zarr(path, name, out):
    with h5py.File(path, "r") as f:
        d = f[name]
        chunks = d.chunks or tuple(min(n, 64) for n in d.shape)
        z = zarr.create_array(out, shape=d.shape, chunks=chunks, dtype=d.dtype)
        for i in range(0, d.shape[0], chunks[0]):
            z[i : i + chunks[0]] = d[i : i + chunks[0]]
    return z
