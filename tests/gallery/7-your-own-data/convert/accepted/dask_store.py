def convert(recording, out, card):
    group = zarr.create_group(out)
    array = group.create_array(
        "0", shape=recording.shape, chunks=tuple(card.chunks), dtype=recording.dtype, dimension_names=card.axes
    )
    rows = (card.chunks[0], *recording.shape[1:])
    with dask.config.set(scheduler="synchronous"):
        da.store(recording.rechunk(rows), array)
    describe(group, card)
