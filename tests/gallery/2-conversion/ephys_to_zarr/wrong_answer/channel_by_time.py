# The array is (channel, time), as it is drawn
# message: Time goes slowly along the tape, so it is the first axis
def ephys_to_zarr(bin_path, out, n_channels, fs, gain_uv):
    n_samples, left_over = divmod(bin_path.stat().st_size, 2 * n_channels)
    if left_over:
        raise ValueError(f"{left_over} bytes left over")
    step = round(fs / 10)
    group = zarr.create_group(out, attributes={"sampling_rate_hz": fs, "gain_uv": gain_uv})
    traces = group.create_array("traces", shape=(n_channels, n_samples), chunks=(n_channels, step), dtype="int16")
    tape = np.memmap(bin_path, dtype="<i2", mode="r").reshape(-1, n_channels).T
    for start in range(0, n_samples, step):
        traces[:, start : start + step] = tape[:, start : start + step]
    return group
