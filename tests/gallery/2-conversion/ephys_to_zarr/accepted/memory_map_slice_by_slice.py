# A memory map, sliced chunk by chunk
def ephys_to_zarr(bin_path, out, n_channels, fs, gain_uv):
    size = bin_path.stat().st_size
    if size % (2 * n_channels) != 0:
        raise ValueError(f"left over: {size % (2 * n_channels)} bytes")
    tape = np.memmap(bin_path, dtype="<i2", mode="r").reshape(-1, n_channels)
    step = round(fs / 10)
    group = zarr.open_group(out, mode="w")
    group.attrs["sampling_rate_hz"] = fs
    group.attrs["gain_uv"] = gain_uv
    z = group.create_array(
        "traces", shape=tape.shape, dtype=np.int16, chunks=(step, n_channels), dimension_names=["time", "channel"]
    )
    for i in range(0, len(tape), step):
        z[i : i + step] = tape[i : i + step]
    return group
