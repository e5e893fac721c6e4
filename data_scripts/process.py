"""One pass over a movie of any size: mean, deviation, traces of neurons, and a preview that a viewer opens.

The idea, in four sentences. The movie is cut into stretches, and the stretches go to whoever is free: threads on a laptop,
the workers of a cluster. A stretch is read chunk by chunk into the same few megabytes, and everything that can be known of
a chunk is taken from it while it is in the processor's cache. Each stretch writes chunks that no other stretch writes, and
its line in `done` last: so it may be killed anywhere, and started again anywhere. Sums are whole numbers, so the result is
the same to the last bit for any number of workers, interrupted or not.

    from data_scripts.process import process

    process(zarr.open_array("recording.zarr/movie", mode="r"), rois, "result.zarr", max_bytes=2**30)
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["BIN_FRAMES", "Plan", "Regions", "process", "slabs"]

BIN_FRAMES = 1024
"""Frames of the movie in one frame of the preview: 34 s at 30 Hz."""
STRETCHES = 64
"""About so many stretches: what is lost by a kill is one of them for each worker."""
LEVELS = 3
"""Of the preview: full size, half, a quarter."""

Array = npt.NDArray[Any]


def process(movie: Any, rois: Array, out: str | Path, max_bytes: int, bin_frames: int = BIN_FRAMES) -> None:
    """Write mean, std, traces and a preview of `movie` to the zarr group `out`, in one pass and in bounded memory.

    `movie`: zarr.Array, uint8 or uint16 (t, y, x). `rois`: integers (y, x), 0 for no neuron, k for the pixels of neuron
    k, from 1 on. `max_bytes`: how much memory may be used; it decides how many threads work. `bin_frames`: frames in one
    frame of the preview, a multiple of movie.chunks[0].

    In `out`: ``mean`` and ``std`` float64 (y, x), over all frames; ``traces`` float32 (t, n), column k - 1 the mean of
    the pixels of neuron k; ``preview``, an OME-Zarr 0.5 image (t, y, x) of the rounded means of bins (the last may be
    shorter), at three sizes. ``sums`` and ``done`` are its notes. Where there are notes of the same work, it goes on.

    With an open `dask.distributed.Client` the stretches go to its workers, who must see the same folders.
    Errors: ValueError for arguments that do not fit, or an `out` that holds other work.
    """
    import dask
    import zarr
    from dask.base import compute
    from dask.delayed import delayed

    plan = Plan.of(movie, rois, bin_frames)
    workers = plan.workers(max_bytes)
    regions = Regions.of(rois)
    group = _open_output(Path(out), movie, plan, regions)
    done = group["done"][:]
    todo = [delayed(_stretch)(movie, regions, str(out), plan, k) for k in range(plan.stretches) if not done[k]]
    with dask.config.set(num_workers=workers):
        compute(*todo)

    sums = np.zeros((2, *plan.frame_shape), np.uint64)
    for k in range(plan.stretches):
        sums += group["sums"][k]
    mean, mean_square = sums / plan.frames
    zarr.open_array(Path(out) / "mean")[:] = mean
    zarr.open_array(Path(out) / "std")[:] = np.sqrt(np.maximum(mean_square - mean**2, 0))


def _stretch(movie: Any, regions: Regions, out: str, plan: Plan, number: int) -> None:
    """Work on stretch `number`: every chunk of it is read once, every chunk of the output in it written once."""
    import zarr

    group: Any = zarr.open_group(out, mode="r+")
    traces, levels = group["traces"], [group[f"preview/{level}"] for level in range(LEVELS)]
    total, squares = (np.zeros(plan.frame_shape, np.uint64) for _ in range(2))
    in_bin, scratch = np.empty(plan.frame_shape, np.uint32), np.empty((2, *plan.frame_shape), np.uint32)

    for start, stop in plan.bins(number):
        in_bin[:] = 0
        lines = np.empty((stop - start, len(regions.counts)), np.float32)
        for t, slab in slabs(movie, start, stop):
            _add(slab, in_bin, squares, scratch)
            lines[t - start : t - start + len(slab)] = regions.means(slab)
        total += in_bin
        traces[start:stop] = lines
        for level, array in enumerate(levels):
            array[start // plan.bin_frames] = np.rint(_block_means(in_bin, 2**level) / (stop - start))

    group["sums"][number] = np.stack([total, squares])
    group["done"][number] = 1  # last: what has this line is whole, on disk, whatever its values


def slabs(movie: Any, start: int, stop: int) -> Iterator[tuple[int, Array]]:
    """The frames from `start` (where a chunk begins) to `stop`, as (first frame, frames) of one chunk's depth each.

    Each slab is good until the next one is asked for: where chunks are whole frames packed by Blosc, all are unpacked into
    the same memory, which stays in the cache; other movies are read by zarr.
    Errors: ValueError for a chunk that is damaged, a half-written one included.
    """
    from numcodecs import blosc

    depth = movie.chunks[0]
    folder = _blosc_folder(movie)
    if folder is None:
        for t in range(start, stop, depth):
            yield t, movie[t : min(t + depth, stop)]
        return
    slab = np.empty(movie.chunks, movie.dtype)
    packed = bytearray(slab.nbytes + 4096)  # Blosc adds 16 bytes to what it cannot make smaller
    for t in range(start, stop, depth):
        try:
            with open(folder / movie.metadata.encode_chunk_key((t // depth, 0, 0)), "rb", buffering=0) as file:
                size = file.readinto(packed)
        except FileNotFoundError:
            slab[:] = movie.fill_value  # zarr does not write chunks that are empty
        else:
            _, nbytes, _, packed_bytes = struct.unpack_from("<4I", packed)  # Blosc's header; what follows is trusted
            if size < 16 or nbytes != slab.nbytes or packed_bytes != size:
                raise ValueError(
                    f"chunk {file.name} is damaged: {size} bytes do not unpack to {slab.nbytes}; restore it"
                )
            blosc.decompress(memoryview(packed)[:size], slab)
        yield t, slab[: min(depth, stop - t)]


def _blosc_folder(movie: Any) -> Path | None:
    """Where the chunks of `movie` lie, if they are files with whole frames of this machine's numbers, packed by Blosc."""
    from zarr.codecs import BloscCodec, BytesCodec
    from zarr.storage import LocalStore

    codecs: tuple[Any, ...] = tuple(getattr(movie.metadata, "codecs", ()))
    if not isinstance(movie.store, LocalStore) or tuple(movie.chunks[1:]) != tuple(movie.shape[1:]) or len(codecs) != 2:
        return None
    if not isinstance(codecs[0], BytesCodec) or not isinstance(codecs[1], BloscCodec):
        return None
    order = codecs[0].endian or sys.byteorder  # one byte has no order
    order = getattr(order, "value", order)  # a member of an enumeration until zarr 3.1, text since
    return Path(movie.store.root) / movie.path if order == sys.byteorder else None


def _add(slab: Array, total: Array, squares: Array, scratch: Array) -> None:
    """Add the frames to `total` (uint32) and their squares to `squares` (uint64), exactly.

    Squares are added in 32 bits as long as none can overflow: half the bytes to go through.
    """
    wide, part = scratch
    safe = (2**32 - 1) // max(int(slab.max()), 1) ** 2
    for first in range(0, len(slab), safe):
        part[:] = 0
        for frame in slab[first : first + safe]:
            np.copyto(wide, frame)
            np.add(total, wide, out=total)
            np.multiply(wide, wide, out=wide)
            np.add(part, wide, out=part)
        np.add(squares, part, out=squares)


def _block_means(total: Array, factor: int) -> Array:
    """Means of blocks of factor x factor pixels, float64; blocks at the end may be smaller."""
    if factor == 1:
        return total
    rows, columns = np.arange(0, total.shape[0], factor), np.arange(0, total.shape[1], factor)
    sums = np.add.reduceat(np.add.reduceat(total, rows, axis=0, dtype=np.uint64), columns, axis=1)
    heights, widths = np.diff(rows, append=total.shape[0]), np.diff(columns, append=total.shape[1])
    return np.asarray(sums / np.outer(heights, widths))


@dataclass(frozen=True, eq=False)
class Regions:
    """Neurons as pixel numbers: `pixels` int64, neuron by neuron, `starts` where each begins, `counts` how many it has."""

    pixels: Array
    starts: Array
    counts: Array

    @classmethod
    def of(cls, rois: Array) -> Regions:
        """From an image of labels (y, x). Errors: ValueError where a number between 1 and the largest has no pixel."""
        labels = np.asarray(rois).ravel()
        counts = np.bincount(labels)[1:]
        if not counts.all():
            raise ValueError(
                f"expected pixels for each neuron from 1 to {len(counts)}, neuron {np.argmin(counts) + 1} has none"
            )
        pixels = np.argsort(labels, kind="stable")[np.count_nonzero(labels == 0) :]
        return cls(pixels, np.cumsum(counts) - counts, counts)

    def means(self, slab: Array) -> Array:
        """Mean of each neuron's pixels in each frame, float64 (frames, n)."""
        values = slab.reshape(len(slab), -1)[:, self.pixels]
        return (
            np.add.reduceat(values, self.starts, axis=1, dtype=np.uint64) / self.counts if len(self.counts) else values
        )


@dataclass(frozen=True)
class Plan:
    """How a movie is cut, in frames: shapes in, numbers out.

    >>> plan = Plan(frames=5000, frame_shape=(512, 512), itemsize=2, depth=16, neurons=64, bin_frames=1024)
    >>> plan.n_bins, plan.stretches, plan.bins(4)
    (5, 5, [(4096, 5000)])
    >>> plan.workers(64 * 2**20, cores=8)
    1
    """

    frames: int
    frame_shape: tuple[int, int]
    itemsize: int
    depth: int
    neurons: int
    bin_frames: int

    @classmethod
    def of(cls, movie: Any, rois: Array, bin_frames: int) -> Plan:
        """The plan for a movie. Errors: ValueError for arguments that do not fit each other."""
        if movie.ndim != 3 or movie.dtype.kind != "u" or movie.dtype.itemsize > 2:
            raise ValueError(f"expected a movie of uint8 or uint16 (t, y, x), got {movie.dtype} {movie.shape}")
        if rois.shape != movie.shape[1:]:
            raise ValueError(f"expected rois of the shape of a frame, {movie.shape[1:]}, got {rois.shape}")
        depth = movie.chunks[0]
        if bin_frames % depth or not 0 < bin_frames <= 65_536:  # then 32 bits hold the sum of a bin
            raise ValueError(f"expected bin_frames as a multiple of {depth}, at most 65536, got {bin_frames}")
        frames, *frame_shape = movie.shape
        return cls(frames, (frame_shape[0], frame_shape[1]), movie.dtype.itemsize, depth, int(rois.max()), bin_frames)

    @property
    def n_bins(self) -> int:
        """Frames of the preview."""
        return math.ceil(self.frames / self.bin_frames)

    @property
    def bins_per_stretch(self) -> int:
        """As many as give about `STRETCHES` stretches."""
        return math.ceil(self.n_bins / STRETCHES)

    @property
    def stretches(self) -> int:
        """How many there are."""
        return math.ceil(self.n_bins / self.bins_per_stretch)

    def bins(self, stretch: int) -> list[tuple[int, int]]:
        """(first frame, last + 1) of each bin in a stretch."""
        first = stretch * self.bins_per_stretch * self.bin_frames
        stop = min(first + self.bins_per_stretch * self.bin_frames, self.frames)
        return [(t, min(t + self.bin_frames, stop)) for t in range(first, stop, self.bin_frames)]

    @property
    def worker_bytes(self) -> int:
        """Upper bound for one worker: a chunk packed and unpacked, some images, the traces of a bin twice."""
        pixels = math.prod(self.frame_shape)
        slab = self.depth * pixels * self.itemsize
        return 3 * slab + 10 * 8 * pixels // 2 + 3 * 4 * self.bin_frames * self.neurons

    def workers(self, max_bytes: int, *, cores: int | None = None) -> int:
        """How many threads fit into `max_bytes`, at most one for each core. Errors: ValueError where not even one does."""
        import dask

        fit = max_bytes // self.worker_bytes
        if fit < 1:
            raise ValueError(f"expected max_bytes of at least {self.worker_bytes:,} for this movie, got {max_bytes:,}")
        return int(min(fit, cores or dask.config.get("num_workers", None) or os.cpu_count() or 1))


def _open_output(out: Path, movie: Any, plan: Plan, regions: Regions) -> Any:
    """The output group, made where there is none yet; `done` is made last. Errors: ValueError for one of other work."""
    import zarr

    told = f"{plan} {movie.store_path} {hashlib.sha256(regions.pixels.tobytes()).hexdigest()[:16]}"
    if (out / "done" / "zarr.json").exists():
        group = zarr.open_group(out, mode="r+")
        if group.attrs.get("work") != told:
            raise ValueError(
                f"expected a new folder or an earlier run of this work at {out}, found other work: choose another"
            )
        return group
    group = zarr.create_group(out, attributes={"work": told}, overwrite=True)
    names = ("t", "y", "x")
    n_bins, (ny, nx), stretches = plan.n_bins, plan.frame_shape, plan.stretches
    for name in ("mean", "std"):
        group.create_array(name, shape=(ny, nx), chunks=(ny, nx), dtype="float64", dimension_names=names[1:])
    columns = max(plan.neurons, 1)
    group.create_array(
        "traces",
        shape=(plan.frames, plan.neurons),
        chunks=(min(plan.bin_frames, plan.frames), columns),
        dtype="float32",
    )
    rate = movie.attrs.get("frame_rate_hz", 1.0)
    preview = group.create_group("preview", attributes={"ome": _ome(plan.bin_frames / rate)})
    for level in range(LEVELS):
        shape = (n_bins, -(-ny // 2**level), -(-nx // 2**level))
        preview.create_array(f"{level}", shape=shape, chunks=(1, *shape[1:]), dtype=movie.dtype, dimension_names=names)
    group.create_array("sums", shape=(stretches, 2, ny, nx), chunks=(1, 2, ny, nx), dtype="uint64")
    group.create_array("done", shape=(stretches,), chunks=(1,), dtype="uint8")
    return group


def _ome(seconds: float) -> dict[str, Any]:
    """OME-Zarr 0.5 metadata of the preview; pixels of the movie are the unit of space."""
    axes = [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "y", "type": "space"},
        {"name": "x", "type": "space"},
    ]
    datasets = []
    for level in range(LEVELS):
        scale, shift = float(2**level), (2**level - 1) / 2
        steps = [
            {"type": "scale", "scale": [seconds, scale, scale]},
            {"type": "translation", "translation": [0.0, shift, shift]},
        ]
        datasets.append({"path": f"{level}", "coordinateTransformations": steps})
    return {"version": "0.5", "multiscales": [{"name": "preview", "axes": axes, "datasets": datasets}]}
