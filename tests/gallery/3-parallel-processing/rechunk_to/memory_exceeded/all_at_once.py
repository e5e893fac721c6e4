# source[:]
def rechunk_to(source, target_path, chunks, max_bytes):
    target = zarr.create_array(
        target_path, shape=source.shape, chunks=chunks, dtype=source.dtype, attributes=dict(source.attrs)
    )
    nt, ny, nx = source.shape
    everything = source[:]
    for t in range(0, nt, chunks[0]):
        target[t : t + chunks[0]] = everything[t : t + chunks[0]]
    return target
