# message: Expected the chunks of the card
def convert(recording, out, card):
    group = zarr.create_group(out)
    array = group.create_array(
        "0", shape=recording.shape, dtype=recording.dtype, dimension_names=tuple(card.axes)
    )

    array[:] = recording.compute()
    describe(group, card)
