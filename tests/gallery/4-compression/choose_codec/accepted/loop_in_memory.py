# A loop over the candidates, copies in memory
def choose_codec(sample):
    values = sample[:]
    sizes = []
    for settings in CANDIDATES:
        copy = zarr.create_array({}, shape=sample.shape, chunks=sample.chunks, dtype=sample.dtype, compressors=BloscCodec(**settings))
        copy[:] = values
        sizes.append(copy.nbytes_stored())
    return CANDIDATES[int(np.argmin(sizes))]
