# A number for each bin in an array `done`, written last
def process(movie, rois, out, max_bytes, bin_frames=1024):
    nt, ny, nx = movie.shape
    depth = movie.chunks[0]
    if depth * ny * nx * (2 + 8) > max_bytes:
        raise ValueError(f"a slab and its float64 copy do not fit into {max_bytes} bytes")
    n, bins = int(rois.max()), -(-nt // bin_frames)
    if not (out / "done" / "zarr.json").exists():
        group = zarr.create_group(out, overwrite=True)
        group.create_array("mean", shape=(ny, nx), chunks=(ny, nx), dtype="float64")
        group.create_array("traces", shape=(nt, n), chunks=(bin_frames, n), dtype="float32")
        group.create_array("preview/0", shape=(bins, ny, nx), chunks=(1, ny, nx), dtype="uint16")
        group["preview"].attrs["ome"] = preview_metadata(bin_frames / movie.attrs.get("frame_rate_hz", 1))
        group.create_array("sums", shape=(bins, ny, nx), chunks=(1, ny, nx), dtype="float64")
        group.create_array("done", shape=(bins,), chunks=(1,), dtype="uint8")
    group = zarr.open_group(out, mode="r+")
    under = [rois == k for k in range(1, n + 1)]
    for b in range(bins):
        if group["done"][b]:
            continue
        start, stop = b * bin_frames, min((b + 1) * bin_frames, nt)
        total = np.zeros((ny, nx))
        lines = np.zeros((stop - start, n), "float32")
        for t in range(start, stop, depth):
            slab = movie[t : min(t + depth, stop)]
            total += slab.sum(axis=0, dtype="float64")
            for k, mask in enumerate(under):
                lines[t - start : t - start + len(slab), k] = slab[:, mask].mean(axis=1)
        group["traces"][start:stop] = lines
        group["preview/0"][b] = np.rint(total / (stop - start))
        group["sums"][b] = total
        group["done"][b] = 1
    group["mean"][:] = sum(group["sums"][b] for b in range(bins)) / nt
