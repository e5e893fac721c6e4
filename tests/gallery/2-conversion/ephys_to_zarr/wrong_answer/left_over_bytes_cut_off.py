# Whole samples only; what is left over at the end is dropped without a word
# message: The file ends in the middle of a sample, and your function did not say so
def ephys_to_zarr(bin_path, out, n_channels, fs, gain_uv):
    n_samples = bin_path.stat().st_size // (2 * n_channels)
    step = round(fs / 10)
    group = zarr.create_group(out, attributes={"sampling_rate_hz": fs, "gain_uv": gain_uv})
    traces = group.create_array(
        "traces", shape=(n_samples, n_channels), chunks=(step, n_channels), dtype="int16", dimension_names=("time", "channel")
    )
    tape = np.memmap(bin_path, dtype="<i2", mode="r", shape=(n_samples, n_channels))
    for start in range(0, n_samples, step):
        traces[start : start + step] = tape[start : start + step]
    return group
