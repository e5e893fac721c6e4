# message: The last portion is shorter
def convert(recording, out, card):
    group = zarr.create_group(out)
    array = group.create_array(
        "0", shape=recording.shape, chunks=tuple(card.chunks), dtype=recording.dtype, dimension_names=tuple(card.axes)
    )

    step = card.chunks[0]
    for number in range(recording.shape[0] // step):
        array[number * step : (number + 1) * step] = recording[number * step : (number + 1) * step].compute()
    describe(group, card)
