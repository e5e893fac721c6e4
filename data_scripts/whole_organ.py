"""A whole-organ light-sheet stack: an invented cleared mouse brain, uint16 (z, y, x), as TIFF planes or zarr.

Dark background about 100 grey, a smooth body with slow variations, branching bright vessels, small bright cells, and
noise whose variance grows with brightness. Voxels are 5 x 2 x 2 um. The full size, 2090 x 3922 x 5521 voxels or
90.5 GB, is that of a light-sheet recording of a whole blackcap (a bird) brain.

    python data_scripts/whole_organ.py --scale tiny --out /tmp/brain
"""

from __future__ import annotations

import dataclasses
import functools
import io
import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_scripts.anatomy import VOXEL_SIZE_UM, Anatomy, Shape, Singles, anatomy
from data_scripts.command import build_command
from data_scripts.form import Form, padded_bytes
from data_scripts.settings import check_seed, check_shape, pick_size
from data_scripts.sink import Sink, create_array

__all__ = [
    "GENERATOR_VERSION",
    "SHAPES",
    "VOXEL_SIZE_UM",
    "DrawnOnce",
    "Volume",
    "fetch",
    "fetch_stack",
    "fetch_zarr",
    "main",
    "volume",
    "write_tiff_stack",
    "write_voxels",
    "write_zarr",
]

GENERATOR_VERSION = 1
"""Part of every folder's name; raise it when the bytes change, so that old data is never taken for new."""

SHAPES: dict[str, Shape] = {"tiny": (23, 61, 53), "laptop": (259, 517, 501), "full": (2090, 3922, 5521)}
"""Voxels (z, y, x) by scale. No size divides a common chunk, so wrong edges show."""

BACKGROUND_GREY = 100.0  # offset of a scientific camera
GREY_PER_ELECTRON = 0.8  # gives a lossless ratio of about 2 with zarr's default; see tests/test_data_whole_organ.py
READ_NOISE_GREY = 2.5
HALO_GREY = 14.0  # light scattered out of the organ
TISSUE_GREY = 330.0
VESSEL_GREY = 900.0
CELL_GREY = 2200.0

_STRIP_ROWS = 64  # rows whose noise is drawn from one stream of random numbers
_BAND_BYTES = 2**20  # a plane is drawn in bands of whole strips: temporaries stay in the cache, memory stays small
_CHUNKS: Shape = (16, 128, 128)
_SLAB_BYTES = 4 * 2**20  # what write_zarr holds at once, where the chunks allow
_KEPT_BYTES = 2**30  # a truth of at most this size is drawn once and kept for the tests
_PLANE_OVERHEAD_BYTES = 1024  # header of a TIFF file


@dataclass(frozen=True)
class Volume:
    """The truth: every plane is a pure function of (seed, shape, z), uint16 grey levels.

    >>> Volume((23, 61, 53), seed=1).plane(7).shape
    (61, 53)

    Errors: ValueError for a shape that is not three positive sizes, or a negative seed.
    """

    shape: Shape
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", check_shape(self.shape, axes=("z", "y", "x")))
        check_seed(self.seed)

    @property
    def nbytes(self) -> int:
        """Size in bytes, uncompressed."""
        return 2 * math.prod(self.shape)

    def plane(self, z: int) -> npt.NDArray[np.uint16]:
        """Plane `z`, uint16 (y, x).

        Errors: IndexError outside 0 <= z < shape[0].
        """
        return self.rows(z, 0, self.shape[1])

    def planes(self) -> Iterator[npt.NDArray[np.uint16]]:
        """All planes in order, each uint16 (y, x), made one at a time."""
        return (self.plane(z) for z in range(self.shape[0]))

    def slab(self, z0: int, z1: int) -> npt.NDArray[np.uint16]:
        """Planes z0 to z1 (exclusive, cut off at the end), uint16 (z1 - z0, y, x)."""
        z1 = min(z1, self.shape[0])
        out = np.empty((max(z1 - z0, 0), *self.shape[1:]), dtype=np.uint16)
        for z in range(z0, z1):
            out[z - z0] = self.plane(z)
        return out

    def rows(self, z: int, y0: int, y1: int) -> npt.NDArray[np.uint16]:
        """Rows y0 to y1 (exclusive) of plane `z`, uint16 (y1 - y0, x): a band of a plane too large to hold.

        Errors: IndexError outside the volume.
        """
        if not (0 <= z < self.shape[0] and 0 <= y0 < y1 <= self.shape[1]):
            raise IndexError(
                f"expected a plane and rows inside {self.shape}, got z={z}, rows {y0} to {y1}: mind the edge"
            )
        out = np.empty((y1 - y0, self.shape[2]), dtype=np.uint16)
        drawing = _Plane(anatomy(self.shape, self.seed), z)
        strips = range(y0 // _STRIP_ROWS, math.ceil(y1 / _STRIP_ROWS))
        at_once = max(_BAND_BYTES // (4 * _STRIP_ROWS * self.shape[2]), 1)
        for band in (strips[start : start + at_once] for start in range(0, len(strips), at_once)):
            band_top, band_bottom = band[0] * _STRIP_ROWS, min((band[-1] + 1) * _STRIP_ROWS, self.shape[1])
            mean_grey = drawing.mean_grey(band_top, band_bottom)
            for strip in band:
                top, bottom = strip * _STRIP_ROWS, min((strip + 1) * _STRIP_ROWS, self.shape[1])
                first, last = max(y0, top), min(y1, bottom)
                clean = mean_grey[top - band_top : bottom - band_top]
                grey = _with_noise(clean, seed=self.seed, z=z, strip=strip)
                out[first - y0 : last - y0] = grey[first - top : last - top]
        return out


@dataclass(frozen=True)
class DrawnOnce(Volume):
    """The same truth, for who compares with all of it again and again: what the first slab draws is kept on disk.

    It is a file of the voxels beside the data sets; a hidden one is shown to no student code. Volumes of more than a GiB,
    and those of a process that cannot write there, are drawn each time.
    """

    def slab(self, z0: int, z1: int) -> npt.NDArray[np.uint16]:
        """As `Volume.slab`."""
        z1 = min(z1, self.shape[0])
        kept = self._kept if 0 <= z0 < z1 else None
        if kept is None:
            return super().slab(z0, z1)
        plane_voxels = math.prod(self.shape[1:])
        voxels = np.fromfile(kept, "<u2", (z1 - z0) * plane_voxels, offset=2 * z0 * plane_voxels)
        return voxels.reshape(-1, *self.shape[1:]).astype(np.uint16, copy=False)

    @functools.cached_property
    def _kept(self) -> Path | None:
        return _VOXELS.keep(self) if self.nbytes <= _KEPT_BYTES else None


class _Plane:
    """One plane being drawn: what is common to its strips is worked out once."""

    def __init__(self, body: Anatomy, z: int) -> None:
        self.body = body
        self.z = z
        self.inside, self.tissue = body.coarse(z)
        self.z_um = (z + 0.5) * VOXEL_SIZE_UM[0]
        vessels, cells = body.vessels, body.cells
        low, high = np.minimum(vessels[:, 0], vessels[:, 3]), np.maximum(vessels[:, 0], vessels[:, 3])
        reach = vessels[:, 6]
        self.vessels = vessels[(low - reach < self.z_um) & (self.z_um < high + reach)]
        self.cells = cells[np.abs(cells[:, 0] - self.z_um) < cells[:, 3]]

    def mean_grey(self, y0: int, y1: int) -> Singles:
        """Noise-free grey levels of rows y0 to y1, float32 (y1 - y0, x)."""
        body = self.body
        nx = body.shape[2]
        inside = _interpolate(self.inside, y0=y0, y1=y1, nx=nx, step=body.step)
        tissue = _interpolate(self.tissue, y0=y0, y1=y1, nx=nx, step=body.step)
        edge = min(body.shape[1:]) / 2 / min(4.0, min(body.shape[1:]) / 40)  # the surface is about 4 voxels soft
        filled = np.clip(inside * np.float32(edge), 0, 1)
        tile_z, tile_y, tile_x = body.texture.shape
        texture = body.texture[self.z % tile_z].take(np.arange(y0, y1) % tile_y, axis=0).astype(np.float32)
        texture = np.tile(texture, (1, math.ceil(nx / tile_x)))[:, :nx]
        texture *= np.float32(0.085 / 32)
        texture += 1
        tissue *= texture
        tissue *= np.float32(TISSUE_GREY)
        bright = np.zeros_like(tissue)
        self._draw_vessels(bright, y0=y0)
        self._draw_cells(bright, y0=y0)
        tissue += bright
        tissue *= filled
        tissue *= body.stripes[y0:y1, None]
        halo = np.clip(inside * np.float32(2.5) + 1, 0, 1)
        halo *= halo
        tissue += halo * np.float32(HALO_GREY)
        tissue += np.float32(BACKGROUND_GREY)
        return tissue

    def _draw_vessels(self, bright: Singles, *, y0: int) -> None:
        """Tubes with soft rims, the thick ones brighter at their wall; the brighter of two wins."""
        (rows, columns), (_, dy, dx) = bright.shape, VOXEL_SIZE_UM
        table = self.vessels
        low, high = np.minimum(table[:, 1:3], table[:, 4:6]), np.maximum(table[:, 1:3], table[:, 4:6])
        boxes = _boxes(low - table[:, 6:7], high + table[:, 6:7], y0=y0, rows=rows, columns=columns)
        for (top, bottom, left, right), vessel in zip(boxes.tolist(), table.tolist(), strict=True):
            if top >= bottom or left >= right:
                continue
            az, ay, ax, bz, by, bx, radius, brightness = vessel
            vz, vy, vx = bz - az, by - ay, bx - ax
            pz = self.z_um - az
            py = ((np.arange(y0 + top, y0 + bottom, dtype=np.float32) + 0.5) * dy - ay)[:, None]
            px = ((np.arange(left, right, dtype=np.float32) + 0.5) * dx - ax)[None, :]
            length = vz * vz + vy * vy + vx * vx + 1e-6
            along = _between_0_and_1((py * (vy / length) + pz * vz / length) + px * (vx / length))
            squared = (pz - along * vz) ** 2
            squared += (py - along * vy) ** 2
            squared += (px - along * vx) ** 2
            profile = np.sqrt(squared)
            np.subtract(radius, profile, out=profile)
            profile = _between_0_and_1(profile / 2.0)
            if radius > 7:
                profile *= 0.55 + 0.45 * np.minimum(squared / (radius * radius), 1)
            patch = bright[top:bottom, left:right]
            np.maximum(patch, profile * (brightness * VESSEL_GREY), out=patch)

    def _draw_cells(self, bright: Singles, *, y0: int) -> None:
        """Round bodies, brightest in the middle."""
        (rows, columns), (_, dy, dx) = bright.shape, VOXEL_SIZE_UM
        table = self.cells
        boxes = _boxes(table[:, 1:3] - table[:, 3:4], table[:, 1:3] + table[:, 3:4], y0=y0, rows=rows, columns=columns)
        for (top, bottom, left, right), cell in zip(boxes.tolist(), table.tolist(), strict=True):
            if top >= bottom or left >= right:
                continue
            cz, cy, cx, radius, brightness = cell
            py = ((np.arange(y0 + top, y0 + bottom, dtype=np.float32) + 0.5) * dy - cy)[:, None]
            px = ((np.arange(left, right, dtype=np.float32) + 0.5) * dx - cx)[None, :]
            squared = py * py + px * px + (self.z_um - cz) ** 2
            profile = _between_0_and_1(1 - squared / (radius * radius))
            bright[top:bottom, left:right] += profile * profile * (brightness * CELL_GREY)


def _between_0_and_1(values: Singles) -> Singles:
    """Values cut off, in place: for small arrays, where np.clip takes longer for its questions than for its work."""
    np.maximum(values, 0, out=values)
    return np.minimum(values, 1, out=values)


def _boxes(low_um: Singles, high_um: Singles, *, y0: int, rows: int, columns: int) -> npt.NDArray[np.int64]:
    """Voxel boxes (n, 4: top, bottom, left, right; exclusive ends) of extents in um (n, 2), clipped to a strip."""
    size = np.array(VOXEL_SIZE_UM[1:], dtype=np.float32)
    origin, limit = np.array([y0, 0]), np.array([rows, columns])
    first = np.clip(np.floor(low_um / size).astype(np.int64) - origin, 0, limit)
    last = np.clip(np.ceil(high_um / size).astype(np.int64) - origin, 0, limit)
    return np.stack([first[:, 0], last[:, 0], first[:, 1], last[:, 1]], axis=1)


def _interpolate(coarse: Singles, *, y0: int, y1: int, nx: int, step: int) -> Singles:
    """Rows y0 to y1 of a coarse grid (node i at voxel i * step) interpolated linearly to voxels, float32 (y, x)."""
    node, part = np.divmod(np.arange(y0, y1), step)
    weight = (part / np.float32(step)).astype(np.float32)[:, None]
    rows = coarse[node] * (1 - weight) + coarse[node + 1] * weight
    fractions = np.arange(step, dtype=np.float32) / np.float32(step)
    fine = rows[:, :-1, None] + (rows[:, 1:] - rows[:, :-1])[:, :, None] * fractions
    return np.array(fine.reshape(len(rows), -1)[:, :nx], dtype=np.float32)


def _with_noise(mean_grey: Singles, *, seed: int, z: int, strip: int) -> npt.NDArray[np.uint16]:
    """Camera noise: variance = gain x (mean - background) + read noise squared, as uint16.

    The normal distribution stands for Poisson's: above the dozens of electrons of tissue the eye and a compressor
    see no difference, and it is drawn several times as fast. Each strip has its own stream of random numbers.
    """
    rng = np.random.default_rng([seed, 1_000_003, z, strip])
    noise = rng.standard_normal(mean_grey.shape, dtype=np.float32)
    spread = mean_grey - np.float32(BACKGROUND_GREY)
    spread *= np.float32(GREY_PER_ELECTRON)
    spread += np.float32(READ_NOISE_GREY**2)
    np.sqrt(spread, out=spread)
    noise *= spread
    noise += mean_grey
    noise += np.float32(0.5)
    np.clip(noise, 0, 65535, out=noise)
    return noise.astype(np.uint16)


def write_tiff_stack(
    folder: Path,
    volume: Volume,
    *,
    compressed_fraction: float = 1 / 3,
    first: int = 0,
    skip: Collection[int] = (),
    names: str = "plane_{z}.tif",
    sink: Sink | None = None,
) -> None:
    """Write `volume` as one TIFF file per plane into `folder`, holding about two planes at once.

    Plane z goes to ``names.format(z=first + z)``, without zero padding, as many microscopes write: sorted as text,
    plane_10 comes before plane_2. About `compressed_fraction` of the planes (which ones follows from the seed) are
    zlib-compressed, where `tifffile.memmap` fails. `skip` holds planes z that are left out. Files are uint16 (y, x)
    with their pixel size. Writes straight into `folder`; `fetch_stack` is the way that survives Ctrl-C.

    Errors: ValueError for a fraction outside 0 to 1, or names without {z}.
    """
    import tifffile

    if not 0 <= compressed_fraction <= 1:
        raise ValueError(f"expected a compressed_fraction of 0 to 1, got {compressed_fraction}: give a share, as 1/3")
    if names.format(z=1) == names.format(z=2):
        raise ValueError(f"expected names with {{z}} in it, got {names!r}: two planes would share a file")
    folder.mkdir(parents=True, exist_ok=True)
    sink = Sink(root=folder) if sink is None else sink
    compressed = _compressed_planes(volume, fraction=compressed_fraction)
    pixels_per_cm = (1e4 / VOXEL_SIZE_UM[2], 1e4 / VOXEL_SIZE_UM[1])
    for z in range(volume.shape[0]):
        if z not in skip:
            buffer = io.BytesIO()
            tifffile.imwrite(
                buffer,
                volume.plane(z),
                photometric="minisblack",
                metadata=None,
                resolution=pixels_per_cm,
                resolutionunit="CENTIMETER",
                compression="zlib" if z in compressed else None,
                compressionargs={"level": 1} if z in compressed else None,
            )
            with buffer.getbuffer() as data:
                sink.write(folder / names.format(z=first + z), data)
        sink.advance(1)


def _compressed_planes(volume: Volume, *, fraction: float) -> frozenset[int]:
    """The planes z that are compressed; at least one is and one is not, unless the fraction is 0 or 1."""
    count = round(fraction * volume.shape[0])
    if 0 < fraction < 1 and volume.shape[0] > 1:
        count = min(max(count, 1), volume.shape[0] - 1)
    order = np.random.default_rng([volume.seed, 2_000_003]).permutation(volume.shape[0])
    return frozenset(order[:count].tolist())


def write_zarr(path: Path, volume: Volume, *, chunks: Shape = _CHUNKS, sink: Sink | None = None) -> None:
    """Write `volume` as a zarr v3 array, uint16 (z, y, x), zarr's default compressor, in slabs of whole chunks.

    Holds one slab, of at most 4 MiB or one row of chunks, and what zarr makes of it. The attribute voxel_size_um
    holds the voxel size (z, y, x). Writes straight to `path`; `fetch_zarr` is the way that survives Ctrl-C.
    """
    sink = Sink(root=path) if sink is None else sink
    array = create_array(
        path,
        sink=sink,
        shape=volume.shape,
        chunks=chunks,
        dtype="uint16",
        dimension_names=("z", "y", "x"),
        attributes={"voxel_size_um": list(VOXEL_SIZE_UM)},
    )
    nz, ny, nx = volume.shape
    bands = max(1, _SLAB_BYTES // (2 * min(chunks[0], nz) * chunks[1] * nx))
    height = min(bands * chunks[1], ny)
    for z0 in range(0, nz, chunks[0]):
        z1 = min(z0 + chunks[0], nz)
        for y0 in range(0, ny, height):
            y1 = min(y0 + height, ny)
            slab = np.empty((z1 - z0, y1 - y0, nx), dtype=np.uint16)
            for z in range(z0, z1):
                slab[z - z0] = volume.rows(z, y0, y1)
            array[z0:z1, y0:y1] = slab
        sink.advance(z1 - z0)


def write_voxels(path: Path, volume: Volume, *, sink: Sink) -> None:
    """Write `volume` as one file of little-endian uint16 (z, y, x), plane by plane."""
    with path.open("wb") as file:
        for z in range(volume.shape[0]):
            file.write(volume.plane(z).astype("<u2", copy=False).data)
            sink.advance(1)
    sink.record(path)


def volume(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> DrawnOnce:
    """The truth behind `fetch_stack` and `fetch_zarr` with the same arguments.

    `scale` is tiny, laptop or full (default: AUTOGRADE_SCALE, else laptop) and is ignored when `shape` is given.
    """
    return DrawnOnce(pick_size(SHAPES, scale=scale, shape=shape)[0], seed)


def fetch_stack(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Path:
    """The folder of TIFF planes plane_0.tif, plane_1.tif, ...; see `write_tiff_stack`. Made the first time.

    Errors: ValueError for a wrong scale, shape or seed; `data_scripts.store.DiskTooSmall`.
    """
    return _STACK.fetch(scale=scale, seed=seed, shape=shape)


def fetch_zarr(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None, chunks: Shape = _CHUNKS) -> Path:
    """The same volume as a zarr v3 array, uint16 (z, y, x); see `write_zarr`. Made the first time.

    Errors: ValueError for a wrong scale, shape or seed; `data_scripts.store.DiskTooSmall`.
    """
    return _zarr(chunks).fetch(scale=scale, seed=seed, shape=shape)


def fetch(*, scale: str | None = None, seed: int = 0) -> Path:
    """The stack of TIFF planes: what a microscope leaves."""
    return fetch_stack(scale=scale, seed=seed)


_STACK = Form(
    data_set="whole-organ-tiff",
    version=GENERATOR_VERSION,
    shapes=SHAPES,
    truth=Volume,
    dtype="uint16",
    payload="planes",
    most_bytes=lambda truth: truth.nbytes + truth.shape[0] * _PLANE_OVERHEAD_BYTES,
    about_seconds=lambda truth: truth.nbytes * 4.0e-8,
    steps=lambda truth: truth.shape[0],
    write=write_tiff_stack,
)


_VOXELS = dataclasses.replace(
    _STACK,
    data_set="whole-organ-truth",
    payload="voxels.bin",
    most_bytes=lambda truth: truth.nbytes,
    about_seconds=lambda truth: truth.nbytes * 2.5e-8,
    write=write_voxels,
)


def _zarr(chunks: Shape) -> Form[Volume, Shape]:
    def most_bytes(truth: Volume) -> int:
        return truth.nbytes + 4096 + 64 * padded_bytes(truth.shape, chunks, itemsize=1) // math.prod(chunks)

    return dataclasses.replace(
        _STACK,
        data_set="whole-organ-zarr",
        payload="volume.zarr",
        most_bytes=most_bytes,
        about_seconds=lambda truth: truth.nbytes * 3.5e-8,
        write=functools.partial(write_zarr, chunks=chunks),
        options={"chunks": tuple(chunks)},
    )


main = build_command(
    "whole_organ",
    summary="Make the whole-organ light-sheet stack: uint16 (z, y, x), TIFF planes, zarr, or what tests compare with.",
    forms={"tiff": _STACK.recipe, "zarr": _zarr(_CHUNKS).recipe, "truth": _VOXELS.recipe},
)

if __name__ == "__main__":
    main()
