"""A two-photon calcium-imaging movie: uint16 (t, y, x) at 30 Hz, as zarr, with its truth.

Neurons of about 3 px sigma fire at 0.5 Hz; their fluorescence rises in 50-150 ms and decays in 1 s. They lie on a
background that varies slowly in space and time; the dye bleaches, and the animal moves the picture by whole pixels.
Photons are Poisson; the detector makes ``grey = dark + gain x photons + read noise`` of them, so that
``variance = gain x (mean - dark) + read noise squared``. Gain, dark level, size of neurons, rates and times are those
that the course took from real recordings; brightness, read noise, bleaching, motion and background are our choice.

    python data_scripts/two_photon.py --scale tiny --out /tmp/movie
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data_scripts.command import build_command
from data_scripts.form import Form, padded_bytes
from data_scripts.settings import check_seed, check_shape, pick_size
from data_scripts.sink import Sink, create_array

__all__ = [
    "FRAME_RATE_HZ",
    "GENERATOR_VERSION",
    "SHAPES",
    "Movie",
    "Truth",
    "fetch",
    "main",
    "movie",
    "write_zarr",
]

GENERATOR_VERSION = 1
"""Part of every folder's name; raise it when the bytes change, so that old data is never taken for new."""

Shape = tuple[int, int, int]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

SHAPES: dict[str, Shape] = {"tiny": (60, 48, 50), "laptop": (1024, 256, 256), "full": (40000, 512, 512)}
"""Frames and pixels (t, y, x) by scale; laptop is 128 MiB."""

FRAME_RATE_HZ = 30.0
BLOCK_FRAMES = 16
"""Frames are drawn in blocks of so many; a block is a pure function of (seed, shape, block)."""

GAIN_GREY_PER_PHOTON = (127.0, 148.0)  # drawn per movie from these ranges
DARK_GREY = (157.0, 225.0)
RISE_SECONDS = (0.05, 0.15)
READ_NOISE_GREY = 22.0
NEURON_SIGMA_PX = 3.0
EVENT_RATE_HZ = 0.5
DECAY_SECONDS = 1.0
BACKGROUND_PHOTONS = 2.5
BLEACHED_SHARE, BLEACH_SECONDS = 0.4, 120.0  # a laptop movie (34 s) loses about 10 %
LARGEST_SHIFT_PX = 2

_MEMORY_SECONDS = 10.0  # an event is forgotten after ten decays (a 20,000th is left), so a block needs few events
_PATCH_PX = 10  # half width of a drawn neuron: 3.3 sigma
_CHUNK_PX = 256


@dataclass(frozen=True, eq=False)
class Truth:
    """What the movie shows, without noise.

    `positions_px` float64 (n, 2): centres (y, x) before motion, in
    pixel indices (0 is the middle of the first pixel). `event_seconds`: per neuron, float64 times of its
    firing, ascending; those before 0 are from before the movie. `rise_seconds` float64 (n,). `brightness_photons`
    float64 (n,): photons per pixel and frame at the neuron's centre at rest. `traces` float32 (t, n): fluorescence
    relative to rest, dF/F, without bleaching. `shifts_px` int64 (t, 2): the picture moves by (dy, dx); what is at
    (y, x) appears at (y + dy, x + dx). `bleaching` float64 (t,): remaining share of the dye. `gain_grey_per_photon`,
    `dark_grey` and `read_noise_grey` (standard deviation) describe the detector.
    """

    positions_px: Floats
    event_seconds: tuple[Floats, ...]
    rise_seconds: Floats
    brightness_photons: Floats
    traces: Singles
    shifts_px: npt.NDArray[np.int64]
    bleaching: Floats
    gain_grey_per_photon: float
    dark_grey: float
    read_noise_grey: float


@dataclass(frozen=True)
class Movie:
    """The truth: every frame is a pure function of (seed, shape, t), uint16 grey levels.

    >>> Movie((60, 48, 50), seed=1).frames(5, 9).shape
    (4, 48, 50)

    Errors: ValueError for a shape that is not three positive sizes, or a negative seed.
    """

    shape: Shape
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", check_shape(self.shape, axes=("t", "y", "x")))
        check_seed(self.seed)

    @property
    def nbytes(self) -> int:
        """Size in bytes, uncompressed."""
        return 2 * math.prod(self.shape)

    @property
    def truth(self) -> Truth:
        """What the movie shows; the traces of all frames are made anew at each call."""
        scene = _scene(self.shape, self.seed)
        frames = np.arange(self.shape[0])
        blocks = [_traces(scene, block) for block in range(math.ceil(self.shape[0] / BLOCK_FRAMES))]
        split = np.searchsorted(scene.event_neuron, np.arange(1, len(scene.positions)))
        return Truth(
            positions_px=scene.positions,
            event_seconds=tuple(np.split(scene.event_seconds, split)),
            rise_seconds=scene.rise_seconds,
            brightness_photons=scene.brightness,
            traces=np.concatenate(blocks)[: self.shape[0]].astype(np.float32),
            shifts_px=scene.shifts,
            bleaching=_bleaching(frames),
            gain_grey_per_photon=scene.gain,
            dark_grey=scene.dark,
            read_noise_grey=READ_NOISE_GREY,
        )

    def frames(self, t0: int, t1: int) -> npt.NDArray[np.uint16]:
        """Frames t0 to t1 (exclusive, cut off at the end), uint16 (t1 - t0, y, x).

        Errors: IndexError for a negative start.
        """
        if t0 < 0:
            raise IndexError(f"expected frames inside {self.shape}, got {t0} to {t1}: start at 0 or later")
        t1 = min(t1, self.shape[0])
        out = np.empty((max(t1 - t0, 0), *self.shape[1:]), dtype=np.uint16)
        if t1 <= t0:
            return out
        for block in range(t0 // BLOCK_FRAMES, math.ceil(t1 / BLOCK_FRAMES)):
            start = block * BLOCK_FRAMES
            first, last = max(t0, start), min(t1, start + BLOCK_FRAMES)
            out[first - t0 : last - t0] = self._block(block)[first - start : last - start]
        return out

    def _block(self, block: int) -> npt.NDArray[np.uint16]:
        """All frames of one block (those beyond the end of the movie too), uint16 (BLOCK_FRAMES, y, x)."""
        scene = _scene(self.shape, self.seed)
        rng = np.random.default_rng([self.seed, *b"noise", block])
        traces = _traces(scene, block)
        out = np.empty((BLOCK_FRAMES, *self.shape[1:]), dtype=np.uint16)
        for index in range(BLOCK_FRAMES):
            frame = min(block * BLOCK_FRAMES + index, self.shape[0] - 1)
            photons = _photons(scene, frame=frame, trace=traces[index])
            grey = rng.poisson(photons).astype(np.float32)
            grey *= np.float32(scene.gain)
            grey += np.float32(READ_NOISE_GREY) * rng.standard_normal(grey.shape, dtype=np.float32)
            grey += np.float32(scene.dark + 0.5)
            out[index] = np.clip(grey, 0, 65535, out=grey).astype(np.uint16)
        return out


@dataclass(frozen=True, eq=False)
class _Scene:
    """What is drawn once per movie: a few MiB, for 40,000 frames too. Events are sorted by neuron, then by time.

    `background` float32 (y + 2 x margin, x + 2 x margin): photons per pixel and frame, with a margin to move in.
    """

    shape: Shape
    gain: float
    dark: float
    background: Singles
    positions: Floats
    brightness: Floats
    rise_seconds: Floats
    event_neuron: npt.NDArray[np.int64]
    event_seconds: Floats
    event_size: Floats
    shifts: npt.NDArray[np.int64]


@functools.lru_cache(maxsize=4)
def _scene(shape: Shape, seed: int) -> _Scene:
    """Everything about a movie except its noise; a pure function of (shape, seed), remembered for the last few."""
    count_t, ny, nx = shape
    detector = np.random.default_rng([seed, *b"detector"])
    cells = np.random.default_rng([seed, *b"neurons"])
    positions = _positions(cells, ny=ny, nx=nx)
    count = len(positions)
    events = np.random.default_rng([seed, *b"events"])
    span = _MEMORY_SECONDS + count_t / FRAME_RATE_HZ
    fired = events.poisson(EVENT_RATE_HZ * span, count)
    neuron = np.repeat(np.arange(count), fired)
    seconds = events.uniform(-_MEMORY_SECONDS, span - _MEMORY_SECONDS, len(neuron))
    order = np.lexsort((seconds, neuron))
    return _Scene(
        shape=shape,
        gain=float(detector.uniform(*GAIN_GREY_PER_PHOTON)),
        dark=float(detector.uniform(*DARK_GREY)),
        background=_background(np.random.default_rng([seed, *b"background"]), ny=ny, nx=nx),
        positions=positions,
        brightness=cells.uniform(1.0, 4.0, count),
        rise_seconds=cells.uniform(*RISE_SECONDS, count),
        event_neuron=neuron,
        event_seconds=seconds[order],
        event_size=events.uniform(0.6, 1.6, len(neuron)),
        shifts=_shifts(np.random.default_rng([seed, *b"motion"]), count=count_t),
    )


def _positions(rng: np.random.Generator, *, ny: int, nx: int) -> Floats:
    """Centres of neurons (n, 2), one per 800 px or so, at least 3 sigma apart where there is room."""
    wanted = max(2, ny * nx // 800)
    found: list[tuple[float, float]] = []
    for y, x in rng.uniform(0, 1, (40 * wanted, 2)) * (ny - 1, nx - 1):
        near = any((y - other_y) ** 2 + (x - other_x) ** 2 < (3 * NEURON_SIGMA_PX) ** 2 for other_y, other_x in found)
        if not near:
            found.append((float(y), float(x)))
        if len(found) == wanted:
            break
    return np.array(found, dtype=np.float64)


def _background(rng: np.random.Generator, *, ny: int, nx: int) -> Singles:
    """Neuropil that varies slowly, with the shadows of two or three blood vessels; photons per pixel and frame."""
    margin = LARGEST_SHIFT_PX
    y = ((np.arange(-margin, ny + margin) + 0.5) / max(ny, nx))[:, None]
    x = ((np.arange(-margin, nx + margin) + 0.5) / max(ny, nx))[None, :]
    field = np.ones((ny + 2 * margin, nx + 2 * margin))
    for _wave in range(14):
        cycles, angle, phase = rng.uniform(0.4, 5), rng.uniform(0, 2 * np.pi), rng.uniform(0, 2 * np.pi)
        along = np.cos(angle) * y + np.sin(angle) * x
        field += 0.17 / math.sqrt(cycles) * np.cos(2 * np.pi * cycles * along + phase)
    for width in (0.022, 0.013, 0.009):
        angle, offset, bend = rng.uniform(0, np.pi), rng.uniform(0.15, 0.85, 2), rng.uniform(0.02, 0.06)
        along, across = np.cos(angle) * y + np.sin(angle) * x, np.sin(angle) * y - np.cos(angle) * x
        centre = np.sin(angle) * offset[0] - np.cos(angle) * offset[1] + bend * np.sin(9 * along + 7 * offset[0])
        field *= 1 - 0.72 * np.clip(1.2 - ((across - centre) / width) ** 2, 0, 1)
    vignette = 1 - 0.35 * ((y - ny / max(ny, nx) / 2) ** 2 + (x - nx / max(ny, nx) / 2) ** 2) / 0.5
    return _rounded(BACKGROUND_PHOTONS * np.maximum(field, 0.1) * vignette)


def _shifts(rng: np.random.Generator, *, count: int) -> npt.NDArray[np.int64]:
    """Whole-pixel motion (t, 2): a slow return to rest, now and then a start of the animal; at most 2 px."""
    kicks = np.where(rng.uniform(size=(count, 1)) < 1 / 60, rng.standard_normal((count, 2)) * 1.8, 0.0)
    kicks += 0.06 * rng.standard_normal((count, 2))
    place, places = np.zeros(2), np.empty((count, 2))
    for frame in range(count):
        place = 0.94 * place + kicks[frame]
        places[frame] = place
    return np.clip(np.rint(places), -LARGEST_SHIFT_PX, LARGEST_SHIFT_PX).astype(np.int64)


def _traces(scene: _Scene, block: int) -> Floats:
    """dF/F of one block, float64 (BLOCK_FRAMES, n): each event rises as 1 - exp(-t / rise) and decays in a second."""
    seconds = (block * BLOCK_FRAMES + np.arange(BLOCK_FRAMES)) / FRAME_RATE_HZ
    recent = (scene.event_seconds > seconds[0] - _MEMORY_SECONDS) & (scene.event_seconds < seconds[-1])
    neuron = scene.event_neuron[recent]
    age = np.maximum(seconds[:, None] - scene.event_seconds[recent], 0)
    response = scene.event_size[recent] * (1 - np.exp(-age / scene.rise_seconds[neuron])) * np.exp(-age / DECAY_SECONDS)
    out = np.zeros((BLOCK_FRAMES, len(scene.positions)))
    for index in range(BLOCK_FRAMES):
        out[index] = np.bincount(neuron, weights=response[index], minlength=out.shape[1])
    return out


def _photons(scene: _Scene, *, frame: int, trace: Floats) -> Floats:
    """Expected photons per pixel of one frame, float64 (y, x)."""
    _, ny, nx = scene.shape
    dy, dx = scene.shifts[frame].tolist()
    margin = LARGEST_SHIFT_PX
    slow = 1 + 0.08 * math.sin(2 * math.pi * 0.05 * frame / FRAME_RATE_HZ)  # neuropil, over 20 s
    moved = scene.background[margin - dy : margin - dy + ny, margin - dx : margin - dx + nx]
    out = moved * np.float64(slow)
    for (y, x), light in zip(scene.positions.tolist(), (scene.brightness * (1 + trace)).tolist(), strict=True):
        y, x = y + dy, x + dx
        top, left = max(int(y) - _PATCH_PX, 0), max(int(x) - _PATCH_PX, 0)
        bottom, right = min(int(y) + _PATCH_PX + 1, ny), min(int(x) + _PATCH_PX + 1, nx)
        if top < bottom and left < right:
            column, row = _bell(y, top, bottom), _bell(x, left, right)
            out[top:bottom, left:right] += (light * column)[:, None] * row
    return np.asarray(out * _bleaching(frame))


def _bell(centre: float, start: int, stop: int) -> Floats:
    return np.asarray(np.exp(-(((np.arange(start, stop) - centre) / NEURON_SIGMA_PX) ** 2) / 2))


def _bleaching(frame: Any) -> Any:
    """Remaining share of the dye at a frame number, or at an array of them."""
    return 1 - BLEACHED_SHARE * (1 - np.exp(-frame / FRAME_RATE_HZ / BLEACH_SECONDS))


def _rounded(values: Floats) -> Singles:
    """Rounded, so that the last bit of a mathematical library does not decide about a photon."""
    return (np.rint(values * 4096) / 4096).astype(np.float32)


def chunks_of(shape: Shape) -> Shape:
    """Chunks that are written: 16 frames of at most 256 x 256 pixels, 2 MiB at laptop scale."""
    return (BLOCK_FRAMES, min(shape[1], _CHUNK_PX), min(shape[2], _CHUNK_PX))


def write_zarr(path: Path, movie: Movie, *, sink: Sink | None = None) -> None:
    """Write `movie` as a zarr v3 array, uint16 (t, y, x), zarr's default compressor, one block of frames at a time.

    The attribute frame_rate_hz holds the frame rate. Writes straight to `path`; `fetch` survives Ctrl-C.
    """
    sink = Sink(root=path) if sink is None else sink
    array = create_array(
        path,
        sink=sink,
        shape=movie.shape,
        chunks=chunks_of(movie.shape),
        dtype="uint16",
        dimension_names=("t", "y", "x"),
        attributes={"frame_rate_hz": FRAME_RATE_HZ},
    )
    for t0 in range(0, movie.shape[0], BLOCK_FRAMES):
        t1 = min(t0 + BLOCK_FRAMES, movie.shape[0])
        array[t0:t1] = movie.frames(t0, t1)
        sink.advance(t1 - t0)


def movie(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Movie:
    """The truth behind `fetch` with the same arguments.

    `scale` is tiny, laptop or full (default: AUTOGRADE_SCALE, else laptop) and is ignored when `shape` is given.
    """
    return Movie(pick_size(SHAPES, scale=scale, shape=shape)[0], seed)


def fetch(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Path:
    """The movie as a zarr v3 array, uint16 (t, y, x); see `write_zarr`. Made the first time.

    Errors: ValueError for a wrong scale, shape or seed; `data_scripts.store.DiskTooSmall`.
    """
    return _ZARR.fetch(scale=scale, seed=seed, shape=shape)


_ZARR = Form(
    data_set="two-photon",
    version=GENERATOR_VERSION,
    shapes=SHAPES,
    truth=Movie,
    dtype="uint16",
    payload="movie.zarr",
    most_bytes=lambda movie: padded_bytes(movie.shape, chunks_of(movie.shape), itemsize=2) + 4096,
    about_seconds=lambda movie: movie.nbytes * 3.5e-8,
    steps=lambda movie: movie.shape[0],
    write=write_zarr,
)

main = build_command(
    "two_photon",
    summary="Make the two-photon calcium-imaging movie: zarr, uint16 (t, y, x).",
    forms={"zarr": _ZARR.recipe},
)

if __name__ == "__main__":
    main()
