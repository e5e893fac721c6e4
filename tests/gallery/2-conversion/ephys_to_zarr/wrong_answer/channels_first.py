# Takes the tape for one channel after the other
# message: reshape(-1, n_channels)
def ephys_to_zarr(bin_path, out, n_channels, fs, gain_uv):
    n_samples, left_over = divmod(bin_path.stat().st_size, 2 * n_channels)
    if left_over:
        raise ValueError(f"{left_over} bytes left over")
    step = round(fs / 10)
    group = zarr.create_group(out, attributes={"sampling_rate_hz": fs, "gain_uv": gain_uv})
    traces = group.create_array(
        "traces",
        shape=(n_samples, n_channels),
        chunks=(step, n_channels),
        dtype="int16",
        dimension_names=("time", "channel"),
    )
    tape = np.memmap(bin_path, dtype="<i2", mode="r").reshape(n_channels, -1).T
    for start in range(0, n_samples, step):
        traces[start : start + step] = tape[start : start + step]
    return group
