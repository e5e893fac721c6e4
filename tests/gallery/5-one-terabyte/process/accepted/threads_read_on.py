# slabs are read ahead by a thread, those of the next bins as well, which goes on for a moment after the call has raised
from collections import deque
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
    open_bins = [b for b in range(bins) if b not in group.attrs["done"]]
    todo = deque(t for b in open_bins for t in range(b * bin_frames, min((b + 1) * bin_frames, nt), depth))
    coming = deque()
    for b in open_bins:
        start, stop = b * bin_frames, min((b + 1) * bin_frames, nt)
        total = np.zeros((ny, nx))
        for t in range(start, stop, depth):
            while todo and len(coming) < 4:
                ahead = todo.popleft()
                end = min(ahead + depth, (ahead // bin_frames + 1) * bin_frames, nt)
                coming.append(_ahead.submit(_read_slowly, movie, ahead, end))
            slab = coming.popleft().result()
            total += slab.sum(axis=0, dtype="float64")
            group["traces"][t : t + len(slab)] = np.stack([slab[:, mask].mean(axis=1) for mask in under], axis=1)
            del slab
        group["preview/0"][b] = np.rint(total / (stop - start))
        group["sums"][b] = total
        group.attrs["done"] = [*group.attrs["done"], b]
    group["mean"][:] = sum(group["sums"][b] for b in range(bins)) / nt
