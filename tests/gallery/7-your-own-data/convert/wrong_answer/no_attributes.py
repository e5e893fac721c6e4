# message: end with describe(group, card)
def convert(recording, out, card):
    group = zarr.create_group(out)
    array = group.create_array(
        "0", shape=recording.shape, chunks=tuple(card.chunks), dtype=recording.dtype, dimension_names=tuple(card.axes)
    )

    for start in range(0, recording.shape[0], card.chunks[0]):
        array[start : start + card.chunks[0]] = recording[start : start + card.chunks[0]].compute()
