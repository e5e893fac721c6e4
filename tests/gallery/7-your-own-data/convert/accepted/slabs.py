def convert(recording, out, card):
    group = zarr.create_group(out)
    array = group.create_array(
        "0", shape=recording.shape, chunks=tuple(card.chunks), dtype=recording.dtype, dimension_names=tuple(card.axes)
    )
    step = card.chunks[0]
    for start in range(0, recording.shape[0], step):
        array[start : start + step] = recording[start : start + step].compute()
    describe(group, card)
