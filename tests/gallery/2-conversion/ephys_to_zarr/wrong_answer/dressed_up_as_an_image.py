# OME-Zarr metadata with time and channel axes
# message: needs two or three space axes
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
    axes = [{"name": "t", "type": "time", "unit": "second"}, {"name": "c", "type": "channel"}]
    scale = [{"type": "scale", "scale": [1 / fs, 1.0]}]
    datasets = [{"path": "traces", "coordinateTransformations": scale}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    tape = np.memmap(bin_path, dtype="<i2", mode="r", shape=(n_samples, n_channels))
    for start in range(0, n_samples, step):
        traces[start : start + step] = tape[start : start + step]
    return group
