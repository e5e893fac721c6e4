# Leaves shuffle to the codec
# message: All three settings are needed
def choose_codec(sample):
    best = None
    for cname in ("lz4", "zstd"):
        for clevel in (1, 5):
            copy = zarr.create_array({}, shape=sample.shape, chunks=sample.chunks, dtype=sample.dtype, compressors=BloscCodec(cname=cname, clevel=clevel))
            copy[:] = sample[:]
            if best is None or copy.nbytes_stored() < best[0]:
                best = (copy.nbytes_stored(), {"cname": cname, "clevel": clevel})
    return best[1]
