# The file is closed before anything is read
def hdf5_to_zarr(path, name, out):
    with h5py.File(path, "r") as f:
        d = f[name]
    z = zarr.create_array(out, shape=d.shape, chunks=d.chunks, dtype=d.dtype)
    z[:] = d[:]
    return z
