# slabs are read ahead by a thread, which goes on for a moment after the call has raised
from concurrent.futures import ThreadPoolExecutor

_ahead = ThreadPoolExecutor(1)


def _read_slowly(movie, start, stop):
    time.sleep(0.03 if movie.size < 10_000 else 0)
    return movie[start:stop]


def process(movie, rois, out, max_bytes, bin_frames=1024):
    nt, ny, nx = movie.shape
    depth = movie.chunks[0]
    if depth * ny * nx * (2 + 8) > max_bytes:
        raise ValueError(f"a slab and its float64 copy do not fit into {max_bytes} bytes")
    n, bins = int(rois.max()), -(-nt // bin_frames)
    if not (out / "zarr.json").exists() or "done" not in zarr.open_group(out, mode="r").attrs:
        group = zarr.create_group(out, overwrite=True)
        group.create_array("mean", shape=(ny, nx), chunks=(ny, nx), dtype="float64")
        group.create_array("traces", shape=(nt, n), chunks=(bin_frames, n), dtype="float32")
        group.create_array("preview/0", shape=(bins, ny, nx), chunks=(1, ny, nx), dtype="uint16")
        group["preview"].attrs["ome"] = preview_metadata(bin_frames / movie.attrs.get("frame_rate_hz", 1))
        group.create_array("sums", shape=(bins, ny, nx), chunks=(1, ny, nx), dtype="float64")
        group.attrs["done"] = []
    group = zarr.open_group(out, mode="r+")
    under = [rois == k for k in range(1, n + 1)]
    for b in range(bins):
        if b in group.attrs["done"]:
            continue
        start, stop = b * bin_frames, min((b + 1) * bin_frames, nt)
        starts = list(range(start, stop, depth))
        total = np.zeros((ny, nx))
        for some in (starts[i : i + 4] for i in range(0, len(starts), 4)):
            coming = [_ahead.submit(_read_slowly, movie, t, min(t + depth, stop)) for t in some]
            for t, slab in zip(some, coming):
                slab = slab.result()
                total += slab.sum(axis=0, dtype="float64")
                group["traces"][t : t + len(slab)] = np.stack([slab[:, mask].mean(axis=1) for mask in under], axis=1)
            del coming, slab
        group["preview/0"][b] = np.rint(total / (stop - start))
        group["sums"][b] = total
        group.attrs["done"] = [*group.attrs["done"], b]
    group["mean"][:] = sum(group["sums"][b] for b in range(bins)) / nt
