# message: A conversion changes no numbers
def convert(recording, out, card):
    group = zarr.create_group(out)
    array = group.create_array(
        "0", shape=recording.shape, chunks=tuple(card.chunks), dtype="float32", dimension_names=tuple(card.axes)
    )

    array[:] = recording.compute()
    describe(group, card)
