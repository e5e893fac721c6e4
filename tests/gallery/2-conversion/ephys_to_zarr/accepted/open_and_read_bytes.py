# Plain file reading: one chunk of bytes after the other
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
    with open(bin_path, "rb") as stream:
        start = 0
        while data := stream.read(step * n_channels * 2):
            block = np.frombuffer(data, dtype="<i2").reshape(-1, n_channels)
            traces[start : start + len(block)] = block
            start += len(block)
    return group
