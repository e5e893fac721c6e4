# dask: one task reads one chunk, da.store writes it
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

    @dask.delayed
    def read(start, stop):
        count = (stop - start) * n_channels
        return np.fromfile(bin_path, "<i2", count=count, offset=2 * n_channels * start).reshape(-1, n_channels)

    blocks = []
    for start in range(0, n_samples, step):
        stop = min(start + step, n_samples)
        blocks.append(da.from_delayed(read(start, stop), (stop - start, n_channels), "int16"))
    da.store(da.concatenate(blocks), traces)
    return group
