"""Label volumes, as a segmentation leaves them: dense (every voxel has a label) or sparse (a few small objects), zarr.

Dense, uint32 (z, y, x): cells that fill the space, about 28 voxels wide, numbered from 1; each voxel belongs to the
nearest of the points that are strewn over a grid. Sparse, uint16 (z, y, x): balls of 3-6 voxels radius, one in a few
hundred thousand voxels, numbered from 1 with gaps; all else is 0. Sizes are our choice: with zarr's default compressor dense
labels shrink about 60 times, sparse ones over 2000 times, as real segmentations do.

    python data_scripts/labels.py --scale tiny --format sparse --out /tmp/labels
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from data_scripts.command import build_command
from data_scripts.form import Form, padded_bytes
from data_scripts.settings import check_seed, check_shape, pick_size
from data_scripts.sink import Sink, create_array

__all__ = [
    "DTYPES",
    "GENERATOR_VERSION",
    "SHAPES",
    "Labels",
    "fetch",
    "fetch_dense",
    "fetch_sparse",
    "labels",
    "main",
    "write_zarr",
]

GENERATOR_VERSION = 1
"""Part of every folder's name; raise it when the bytes change, so that old data is never taken for new."""

Kind = Literal["dense", "sparse"]
Shape = tuple[int, int, int]
Counts = npt.NDArray[np.uint64]

SHAPES: dict[str, Shape] = {"tiny": (23, 61, 53), "laptop": (259, 363, 357), "full": (2090, 3922, 5521)}
"""Voxels (z, y, x) by scale; laptop is 128 MiB dense, 64 MiB sparse. No size divides a common chunk."""

DTYPES: dict[str, str] = {"dense": "uint32", "sparse": "uint16"}
CHUNKS: Shape = (64, 64, 64)

DENSE_CELL, SPARSE_CELL = 28, 48  # edge of the grid's cells in voxels
SPARSE_SHARE = 0.25  # of the cells of the sparse grid hold an object
RADIUS = (3.0, 6.0)


@dataclass(frozen=True)
class Labels:
    """The truth: every voxel is a pure function of (kind, seed, shape, place).

    >>> Labels((23, 61, 53), seed=1).slab(5, 9).shape
    (4, 61, 53)

    Errors: ValueError for an unknown kind, a shape that is not three positive sizes, or a negative seed.
    """

    shape: Shape
    seed: int = 0
    kind: Kind = "dense"

    def __post_init__(self) -> None:
        if self.kind not in DTYPES:
            raise ValueError(f"expected the kind dense or sparse, got {self.kind!r}: choose one of these")
        object.__setattr__(self, "shape", check_shape(self.shape, axes=("z", "y", "x")))
        check_seed(self.seed)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the voxels: uint32 when dense, uint16 when sparse."""
        return np.dtype(DTYPES[self.kind])

    @property
    def nbytes(self) -> int:
        """Size in bytes, uncompressed."""
        return self.dtype.itemsize * math.prod(self.shape)

    def slab(self, z0: int, z1: int) -> npt.NDArray[Any]:
        """Planes z0 to z1 (exclusive, cut off at the end), (z1 - z0, y, x).

        Errors: IndexError for a negative start.
        """
        return self.box((z0, 0, 0), (z1, self.shape[1], self.shape[2]))

    def box(self, start: Shape, stop: Shape) -> npt.NDArray[Any]:
        """The voxels from `start` to `stop` (exclusive, cut off at the end), each (z, y, x).

        Errors: IndexError for a negative start.
        """
        if min(start) < 0:
            raise IndexError(f"expected voxels inside {self.shape}, got {start} to {stop}: start at 0 or later")
        stop = _least(stop, self.shape)
        out = np.zeros([max(b - a, 0) for a, b in zip(start, stop, strict=True)], dtype=self.dtype)
        if out.size:
            (_draw_dense if self.kind == "dense" else _draw_sparse)(out, start, stop, shape=self.shape, seed=self.seed)
        return out


def _draw_dense(out: npt.NDArray[Any], start: Shape, stop: Shape, *, shape: Shape, seed: int) -> None:
    """Fill `out`, the voxels from start to stop, grid cell by grid cell: the nearest of the 27 points around wins."""
    edge = DENSE_CELL
    count = tuple(math.ceil(size / edge) for size in shape)
    for cell in itertools.product(*(range(a // edge, math.ceil(b / edge)) for a, b in zip(start, stop, strict=True))):
        low = _most(start, _times(cell, edge))
        high = _least(stop, _times(_plus(cell, 1), edge))
        axes = [np.arange(a, b, dtype=np.int32) for a, b in zip(low, high, strict=True)]
        best = np.full([len(axis) for axis in axes], np.iinfo(np.int32).max, dtype=np.int32)
        label = np.zeros(best.shape, dtype=np.uint32)
        for step in itertools.product((-1, 0, 1), repeat=3):
            near = tuple(c + s for c, s in zip(cell, step, strict=True))
            if not all(0 <= n < limit for n, limit in zip(near, count, strict=True)):
                continue
            point = [
                n * edge + edge // 4 + int(h % (edge // 2)) for n, h in zip(near, _random(seed, near), strict=True)
            ]
            squares = [(axis - p) ** 2 for axis, p in zip(axes, point, strict=True)]  # whole numbers: exact anywhere
            away = squares[0][:, None, None] + squares[1][None, :, None] + squares[2][None, None, :]
            closer = away < best
            np.copyto(best, away, where=closer)
            number = 1 + (near[0] * count[1] + near[1]) * count[2] + near[2]
            np.copyto(label, np.uint32(number), where=closer)
        out[tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))] = label


def _draw_sparse(out: npt.NDArray[Any], start: Shape, stop: Shape, *, shape: Shape, seed: int) -> None:
    """Draw the balls that reach into the voxels from start to stop; each lies inside its own grid cell."""
    edge = SPARSE_CELL
    count = tuple(math.ceil(size / edge) for size in shape)
    margin = math.ceil(RADIUS[1])
    for cell in itertools.product(*(range(a // edge, math.ceil(b / edge)) for a, b in zip(start, stop, strict=True))):
        chance, size, *place = _random(seed, cell, count=5)
        number = 1 + ((cell[0] * count[1] + cell[1]) * count[2] + cell[2]) % 65535
        if int(chance % 10_000) >= SPARSE_SHARE * 10_000:
            continue
        radius = RADIUS[0] + (RADIUS[1] - RADIUS[0]) * int(size % 1024) / 1023
        centre = [c * edge + margin + int(h % (edge - 2 * margin)) for c, h in zip(cell, place, strict=True)]
        low = _most(start, tuple(c - margin for c in centre))
        high = _least(stop, tuple(c + margin + 1 for c in centre))
        if any(a >= b for a, b in zip(low, high, strict=True)):
            continue
        axes = [(np.arange(a, b) - c) ** 2 for a, b, c in zip(low, high, centre, strict=True)]
        inside = axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :] <= radius * radius
        out[tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))][inside] = number


@functools.lru_cache(maxsize=65536)
def _random(seed: int, cell: tuple[int, ...], count: int = 3) -> tuple[int, ...]:
    """`count` random numbers of a grid cell, 0 to 2**64 - 1: a hash (splitmix64), so that any cell can be asked alone."""
    mask = 2**64 - 1
    state = seed & mask
    for value in cell:
        state = _mix((state * 0x9E3779B97F4A7C15 + value + 1) & mask)
    return tuple(_mix((state + (each + 1) * 0x9E3779B97F4A7C15) & mask) for each in range(count))


def _mix(value: int) -> int:
    mask = 2**64 - 1
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
    return value ^ (value >> 31)


def _times(cell: tuple[int, ...], factor: int) -> Shape:
    z, y, x = cell
    return z * factor, y * factor, x * factor


def _plus(cell: tuple[int, ...], offset: int) -> Shape:
    z, y, x = cell
    return z + offset, y + offset, x + offset


def _most(first: tuple[int, ...], second: tuple[int, ...]) -> Shape:
    z, y, x = map(max, first, second)
    return z, y, x


def _least(first: tuple[int, ...], second: tuple[int, ...]) -> Shape:
    z, y, x = map(min, first, second)
    return z, y, x


def write_zarr(path: Path, source: Labels, *, sink: Sink | None = None) -> None:
    """Write `source` as a zarr v3 array (z, y, x), chunks of 64 x 64 x 64, zarr's default compressor, chunk by chunk.

    Chunks that hold only 0 are not written. Writes straight to `path`; `fetch_dense` and `fetch_sparse` survive Ctrl-C.
    """
    sink = Sink(root=path) if sink is None else sink
    array = create_array(
        path,
        sink=sink,
        shape=source.shape,
        chunks=CHUNKS,
        dtype=source.dtype,
        dimension_names=("z", "y", "x"),
        attributes={"kind": source.kind},
    )
    for start in itertools.product(*(range(0, size, chunk) for size, chunk in zip(source.shape, CHUNKS, strict=True))):
        stop = _least(tuple(a + c for a, c in zip(start, CHUNKS, strict=True)), source.shape)
        where = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        array[where] = source.box(_times(start, 1), stop)
        sink.advance(1)


def labels(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None, kind: Kind = "dense") -> Labels:
    """The truth behind `fetch_dense` and `fetch_sparse` with the same arguments.

    `scale` is tiny, laptop or full (default: AUTOGRADE_SCALE, else laptop) and is ignored when `shape` is given.
    """
    return Labels(pick_size(SHAPES, scale=scale, shape=shape)[0], seed, kind)


def fetch_dense(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Path:
    """Dense labels as a zarr v3 array, uint32 (z, y, x); see `write_zarr`. Made the first time.

    Errors: ValueError for a wrong scale, shape or seed; `data_scripts.store.DiskTooSmall`.
    """
    return _DENSE.fetch(scale=scale, seed=seed, shape=shape)


def fetch_sparse(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Path:
    """Sparse labels as a zarr v3 array, uint16 (z, y, x); see `write_zarr`. Made the first time.

    Errors: ValueError for a wrong scale, shape or seed; `data_scripts.store.DiskTooSmall`.
    """
    return _SPARSE.fetch(scale=scale, seed=seed, shape=shape)


def fetch(*, scale: str | None = None, seed: int = 0) -> Path:
    """The dense labels."""
    return fetch_dense(scale=scale, seed=seed)


_DENSE = Form(
    data_set="labels-dense",
    version=GENERATOR_VERSION,
    shapes=SHAPES,
    truth=functools.partial(Labels, kind="dense"),
    dtype="uint32",
    payload="labels.zarr",
    most_bytes=lambda source: padded_bytes(source.shape, CHUNKS, itemsize=4) // 10 + 4096,
    about_seconds=lambda source: math.prod(source.shape) * 1.0e-7,
    steps=lambda source: padded_bytes(source.shape, CHUNKS, itemsize=1) // math.prod(CHUNKS),
    write=write_zarr,
)
_SPARSE = dataclasses.replace(
    _DENSE,
    data_set="labels-sparse",
    truth=functools.partial(Labels, kind="sparse"),
    dtype="uint16",
    most_bytes=lambda source: padded_bytes(source.shape, CHUNKS, itemsize=2) // 10 + 4096,
    about_seconds=lambda source: math.prod(source.shape) * 3.0e-9,
)

main = build_command(
    "labels",
    summary="Make a label volume: zarr, dense uint32 or sparse uint16 (z, y, x).",
    forms={"dense": _DENSE.recipe, "sparse": _SPARSE.recipe},
)

if __name__ == "__main__":
    main()
