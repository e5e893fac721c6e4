"""One terabyte of two-photon imaging that any zarr reader opens, on less than one gibibyte of disk.

The recording has 17.7 hours of frames, uint16 (t, y, x) at 30 Hz. It is a series of trials of 128 frames; in each the
animal sees a grating of one of four directions, and neurons that prefer it light up. A seeded order table says which
direction comes when; the dye bleaches in four steps. So there are only 4 levels x 4 directions x 8 chunks = 128 different
chunks. They are made once, with their noise, and lie encoded in ``pool/``; the 119,210 chunk files of the movie are hard
links to them. For a reader of zarr it is a movie like any other; only ``ls -i`` knows.

What that means for speed: the pool sits in the page cache, so reading it costs processor time, not disk time.

Why 8 MiB chunks: with 32 MiB a worker holds four times as much (and its chunk leaves the processor's cache); with 1 MiB
there would be a million files. Why not fewer, larger pool files: NTFS allows 1023 links to a file, ext4 65,000. Here a file
has at most 933.

    python data_scripts/terabyte.py --scale full --out /tmp/terabyte
    python data_scripts/terabyte.py --gib 2 --out /tmp/twin
"""

from __future__ import annotations

import functools
import json
import math
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from data_scripts import two_photon
from data_scripts.command import build_command, gib_option
from data_scripts.form import Form
from data_scripts.settings import check_seed, check_shape, format_bytes, pick_size
from data_scripts.sink import Sink
from data_scripts.store import Recipe, say

__all__ = [
    "CHUNK_FRAMES",
    "DIRECTIONS",
    "FRAME_RATE_HZ",
    "GENERATOR_VERSION",
    "SHAPES",
    "PlaceRefused",
    "Recording",
    "beginning",
    "fetch",
    "main",
    "recording",
    "shape_of",
    "strays",
]

GENERATOR_VERSION = 1

Shape = tuple[int, int, int]
Floats = npt.NDArray[np.float64]

SHAPES: dict[str, Shape] = {"tiny": (203, 64, 64), "laptop": (4096, 512, 512), "full": (1_907_349, 512, 512)}
"""Frames and pixels (t, y, x) by scale. full is the first size above 10**12 bytes, laptop its first 2 GiB."""

FRAME_RATE_HZ = 30.0
CHUNK_FRAMES = 16
"""Frames in a chunk; 8 MiB of 512 x 512 pixels."""
CHUNKS_PER_TRIAL = 8
DIRECTIONS = 4
"""Directions of the grating, 45 degrees apart."""
BLEACHING = (1.0, 0.88, 0.79, 0.72)
"""Share of the dye that is left, by quarter of the full recording."""
TRIAL_FRAMES = CHUNK_FRAMES * CHUNKS_PER_TRIAL
TRIALS_OF_ALL = math.ceil(SHAPES["full"][0] / TRIAL_FRAMES)
TRIALS_PER_LEVEL = math.ceil(TRIALS_OF_ALL / len(BLEACHING))
MOST_LINKS = 1023  # of NTFS; each file has one more, in the pool
MOST_COPIED_BYTES = 2**30  # where links are impossible, movies up to this size (encoded) are copied
RATIO_AT_LEAST = 1.35  # of the encoded pool; measured 1.5

_STIMULUS_ON, _STIMULUS_SECONDS, _DECAY_SECONDS = 0.5, 1.0, 1.0
_GAIN, _DARK, _READ_NOISE = 138.0, 190.0, 22.0
_PATCH_PX = 10
_ROI_RADIUS_PX = 4.0
_WORKERS = 2


class PlaceRefused(ValueError):
    """The folder cannot hold hard links, or a program would copy every one of them to a cloud."""


@dataclass(frozen=True)
class Recording:
    """The truth: every frame is a pure function of (seed, shape, t), and all sums follow from the order table.

    >>> Recording((203, 64, 64)).frames(120, 130).shape
    (10, 64, 64)

    A shorter recording of the same frames is the beginning of a longer one.
    Errors: ValueError for a shape that is not three positive sizes, or a negative seed.
    """

    shape: Shape
    seed: int = 0
    trials_per_level: int = TRIALS_PER_LEVEL

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", check_shape(self.shape, axes=("t", "y", "x")))
        check_seed(self.seed)

    @property
    def nbytes(self) -> int:
        """Size in bytes, uncompressed."""
        return 2 * math.prod(self.shape)

    @property
    def chunks(self) -> Shape:
        """Shape of a chunk: some whole frames."""
        return (CHUNK_FRAMES, *self.shape[1:])

    @property
    def directions(self) -> npt.NDArray[np.int64]:
        """The order table: which grating (0 to 3) is shown in each trial of 128 frames. Every four trials show all four."""
        trials = math.ceil(self.shape[0] / TRIAL_FRAMES)
        rounds = math.ceil(max(trials, TRIALS_OF_ALL) / DIRECTIONS)  # as many for a short recording: it is a beginning
        rng = np.random.default_rng([self.seed, *b"order"])
        table = rng.permuted(np.tile(np.arange(DIRECTIONS), (rounds, 1)), axis=1).ravel()
        return np.asarray(table[:trials], np.int64)

    @property
    def pool_index(self) -> npt.NDArray[np.int64]:
        """For each chunk of the movie, which one of the pool it is: (level x 4 + direction) x 8 + part of the trial."""
        directions = self.directions
        level = np.minimum(np.arange(len(directions)) // self.trials_per_level, len(BLEACHING) - 1)
        first = (level * DIRECTIONS + directions) * CHUNKS_PER_TRIAL
        chunks = (first[:, None] + np.arange(CHUNKS_PER_TRIAL)).ravel()
        return chunks[: math.ceil(self.shape[0] / CHUNK_FRAMES)]

    @property
    def rois(self) -> npt.NDArray[np.uint16]:
        """Where the neurons are: uint16 (y, x), 0 for no neuron, k for the pixels of neuron k (from 1 on)."""
        out = np.zeros(self.shape[1:], np.uint16)
        rows, columns = np.indices(self.shape[1:])
        for number, (y, x) in enumerate(_scene(self.shape[1:], self.seed).positions, start=1):
            out[(rows - y) ** 2 + (columns - x) ** 2 <= _ROI_RADIUS_PX**2] = number
        return out

    @property
    def preferred(self) -> npt.NDArray[np.int64]:
        """Which direction (0 to 3) each neuron answers most."""
        return np.asarray(np.argmax(_scene(self.shape[1:], self.seed).tuning, axis=0))

    def frames(self, t0: int, t1: int) -> npt.NDArray[np.uint16]:
        """Frames t0 to t1 (exclusive, cut off at the end), uint16 (t1 - t0, y, x).

        Errors: IndexError for a negative start.
        """
        if t0 < 0:
            raise IndexError(f"expected frames inside {self.shape}, got {t0} to {t1}: start at 0 or later")
        t1 = min(t1, self.shape[0])
        out = np.empty((max(t1 - t0, 0), *self.shape[1:]), dtype=np.uint16)
        index = self.pool_index
        for chunk in range(t0 // CHUNK_FRAMES, math.ceil(t1 / CHUNK_FRAMES) if t1 > t0 else 0):
            start = chunk * CHUNK_FRAMES
            first, last = max(t0, start), min(t1, start + CHUNK_FRAMES)
            out[first - t0 : last - t0] = self.pool_chunk(int(index[chunk]))[first - start : last - start]
        return out

    def pool_chunk(self, number: int) -> npt.NDArray[np.uint16]:
        """One chunk of the pool, drawn anew, uint16 (16, y, x)."""
        scene = _scene(self.shape[1:], self.seed)
        trial, part = divmod(number, CHUNKS_PER_TRIAL)
        level, direction = divmod(trial, DIRECTIONS)
        rng = np.random.default_rng([self.seed, *b"pool", number])
        out = np.empty(self.chunks, np.uint16)
        for index in range(CHUNK_FRAMES):
            photons = _photons(scene, frame=part * CHUNK_FRAMES + index, direction=direction) * BLEACHING[level]
            grey = rng.poisson(photons).astype(np.float32)
            grey *= np.float32(_GAIN)
            grey += np.float32(_READ_NOISE) * rng.standard_normal(grey.shape, dtype=np.float32)
            grey += np.float32(_DARK + 0.5)
            out[index] = np.clip(grey, 0, 65535, out=grey).astype(np.uint16)
        return out


@dataclass(frozen=True, eq=False)
class _Scene:
    """What stays the same in all frames: `still` float64 (y, x) photons; neurons with `tuning` float64 (directions, n)."""

    still: Floats
    positions: Floats
    brightness: Floats
    tuning: Floats


@functools.lru_cache(maxsize=2)
def _scene(shape: tuple[int, int], seed: int) -> _Scene:
    """Background and neurons as in `two_photon`; one neuron in five or so is marked and tuned, the others only glow."""
    ny, nx = shape
    rng = np.random.default_rng([seed, *b"cells"])
    positions = two_photon._positions(rng, ny=ny, nx=nx)
    margin = two_photon.LARGEST_SHIFT_PX
    background = two_photon._background(np.random.default_rng([seed, *b"background"]), ny=ny, nx=nx)
    still = background[margin:-margin, margin:-margin].astype(np.float64)
    marked = min(len(positions), max(2, ny * nx // 4096))
    brightness = rng.uniform(1.5, 4.0, len(positions))
    for (y, x), light in zip(positions[marked:].tolist(), brightness[marked:].tolist(), strict=True):
        _add_cell(still, y, x, light)
    preferred, width = rng.uniform(0, DIRECTIONS, marked), rng.uniform(0.8, 2.5, marked)
    angle = 2 * np.pi * (np.arange(DIRECTIONS)[:, None] - preferred) / DIRECTIONS
    tuning = rng.uniform(0.8, 2.5, marked) * np.exp(width * (np.cos(angle) - 1))
    return _Scene(still=still, positions=positions[:marked], brightness=brightness[:marked], tuning=tuning)


def _add_cell(photons: Floats, y: float, x: float, light: float) -> None:
    top, left = max(int(y) - _PATCH_PX, 0), max(int(x) - _PATCH_PX, 0)
    bottom, right = min(int(y) + _PATCH_PX + 1, photons.shape[0]), min(int(x) + _PATCH_PX + 1, photons.shape[1])
    column, row = two_photon._bell(y, top, bottom), two_photon._bell(x, left, right)
    photons[top:bottom, left:right] += (light * column)[:, None] * row


def _photons(scene: _Scene, *, frame: int, direction: int) -> Floats:
    """Expected photons per pixel in one frame of a trial, before bleaching, float64 (y, x)."""
    seconds = frame / FRAME_RATE_HZ - _STIMULUS_ON
    answer = 0.0
    if seconds > 0:
        fading = math.exp(-max(seconds - _STIMULUS_SECONDS, 0) / _DECAY_SECONDS)
        left = (TRIAL_FRAMES - frame) / FRAME_RATE_HZ  # back at rest when the next trial begins
        answer = (1 - math.exp(-seconds / 0.1)) * fading * min(1.0, left / 0.5)
    slow = 1 + 0.05 * math.sin(2 * math.pi * frame / TRIAL_FRAMES)  # neuropil
    out = scene.still * slow
    light = scene.brightness * (1 + answer * scene.tuning[direction])
    for (y, x), now in zip(scene.positions.tolist(), light.tolist(), strict=True):
        _add_cell(out, y, x, now)
    return out


# --- on disk ----------------------------------------------------------------------------------------------------------


def shape_of(gib: float) -> Shape:
    """The beginning of the terabyte that has `gib` GiB, cut to whole frames: shape_of(0.5) is (1024, 512, 512)."""
    ny, nx = SHAPES["full"][1:]
    return (max(1, round(gib * 2**30 / (2 * ny * nx))), ny, nx)


def recording(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Recording:
    """The truth behind `fetch` with the same arguments.

    `scale` is tiny, laptop or full (default: AUTOGRADE_SCALE, else laptop) and is ignored when `shape` is given.
    """
    return Recording(pick_size(SHAPES, scale=scale, shape=shape)[0], seed)


def fetch(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Path:
    """The zarr v3 group of the recording: `movie`, uint16 (t, y, x), and `rois`, uint16 (y, x). Made the first time.

    Errors: ValueError for a wrong scale, shape or seed; `PlaceRefused`; `data_scripts.store.DiskTooSmall`.
    """
    return _ZARR.fetch(scale=scale, seed=seed, shape=shape)


_CHUNK_STEPS = 300  # drawing a chunk takes as long as so many links


def _pool_files(truth: Recording) -> int:
    return len(np.unique(truth.pool_index))


def _pool_bytes(truth: Recording) -> int:
    return 2 * math.prod(truth.chunks) * _pool_files(truth)


def _write(path: Path, truth: Recording, *, sink: Sink) -> None:
    """Fill the data set's folder: the pool, then the links. What an interrupted run has finished is kept."""
    linked = _check_place(path.parent, encoded_bytes=2 * math.prod(truth.chunks) * len(truth.pool_index) / 1.5)
    index = truth.pool_index
    pool = path.parent / "pool"
    pool.mkdir(exist_ok=True)
    for number in _drawn(truth, pool, np.unique(index).tolist()):
        sink.record(pool / f"{number}")
        sink.advance(_CHUNK_STEPS)
    movie = _describe(truth, path, sink)
    there = set(os.listdir(movie))
    for chunk, number in enumerate(index.tolist()):
        name = chunk_name(chunk)
        if name not in there:
            if linked:
                os.link(pool / f"{number}", movie / name)
            else:
                _copy(pool / f"{number}", movie / name)
        if chunk % 64 == 63:
            sink.advance(64)


def chunk_name(chunk: int) -> str:
    """The file name of a chunk: flat, because two folders for each chunk would take more disk than the pool."""
    return f"c.{chunk}.0.0"


def _drawn(truth: Recording, pool: Path, numbers: list[int]) -> Iterator[int]:
    """Draw, encode and write chunks of the pool that are not there yet; yields each number when its file is complete."""
    from numcodecs import Blosc

    codec = Blosc(cname="lz4", clevel=5, shuffle=Blosc.BITSHUFFLE)

    def draw(number: int) -> int:
        path = pool / f"{number}"
        if not path.exists():
            aside = pool / f".{number}.part"
            aside.write_bytes(codec.encode(truth.pool_chunk(number)))
            aside.replace(path)
        return number

    with ThreadPoolExecutor(_WORKERS) as threads:
        try:
            yield from threads.map(draw, numbers)
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


def _describe(truth: Recording, path: Path, sink: Sink) -> Path:
    """The zarr group without the chunks of its movie; returns the folder in which they belong."""
    import zarr
    from zarr.codecs import BloscCodec

    if not (path / "zarr.json").exists():
        zarr.create_group(path, attributes={"frame_rate_hz": FRAME_RATE_HZ})
    if not (path / "movie" / "zarr.json").exists():
        zarr.create_array(
            path / "movie",
            shape=truth.shape,
            chunks=truth.chunks,
            dtype="uint16",
            compressors=BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"),
            chunk_key_encoding={"name": "default", "separator": "."},
            dimension_names=("t", "y", "x"),
            attributes={"frame_rate_hz": FRAME_RATE_HZ, "trial_frames": TRIAL_FRAMES},
        )
    shutil.rmtree(path / "rois", ignore_errors=True)  # an interrupted run may have left it without its chunk
    rois = zarr.create_array(
        path / "rois",
        shape=truth.shape[1:],
        chunks=truth.shape[1:],
        dtype="uint16",
        dimension_names=("y", "x"),
    )
    rois[:] = truth.rois
    sink.record(path / "zarr.json")
    sink.record(path / "movie" / "zarr.json")
    for file in sorted((path / "rois").rglob("*")):
        if file.is_file():
            sink.record(file)
    return path / "movie"


def beginning(source: Path, target: Path, frames: int) -> Path:
    """The first `frames` of the movie in the zarr group `source` as a movie of its own at `target`: links, no copies.

    Nothing exists at `target` yet. Its chunk files are hard links to those of the movie; symbolic links where that lies on
    another disk or belongs to somebody else, copies where neither is possible.
    """
    target.mkdir(parents=True)
    description = json.loads((source / "movie" / "zarr.json").read_text(encoding="utf-8"))
    description["shape"][0] = min(frames, description["shape"][0])
    for chunk in range(math.ceil(description["shape"][0] / CHUNK_FRAMES)):
        file = (source / "movie" / chunk_name(chunk)).absolute()
        for bring in (os.link, os.symlink, _copy):
            try:
                bring(file, target / file.name)
            except OSError:
                if bring is _copy:
                    raise
                continue
            break
    (target / "zarr.json").write_text(json.dumps(description), encoding="utf-8")
    return target


def strays(folder: Path, truth: Recording) -> tuple[str, ...]:
    """Chunk files of the data set in `folder` that are missing, or are not the pool file that the order table names."""
    pool = {number: (folder / "pool" / f"{number}").stat() for number in np.unique(truth.pool_index).tolist()}
    movie = folder / "recording.zarr" / "movie"
    found = []
    for chunk, number in enumerate(truth.pool_index.tolist()):
        try:
            stat = (movie / chunk_name(chunk)).stat()
        except FileNotFoundError:
            found.append(chunk_name(chunk))
            continue
        if (
            stat.st_ino != pool[number].st_ino
            and (movie / chunk_name(chunk)).read_bytes() != (folder / "pool" / f"{number}").read_bytes()
        ):
            found.append(chunk_name(chunk))
    return tuple(found)


# --- where it may lie -------------------------------------------------------------------------------------------------

_CLOUD_NAMES = (
    "onedrive", "dropbox", "google drive", "googledrive", "my drive", "icloud", "mobile documents", "cloudstorage",
    "nextcloud", "owncloud", "box sync", "pclouddrive", "seafile", "syncthing",
)  # fmt: skip
_CLOUD_FILES = (".dropbox", ".nextcloudsync.log", ".owncloudsync.log", ".stfolder", ".seafile-data", ".sync")


def _check_place(folder: Path, *, encoded_bytes: float) -> bool:
    """Whether links are to be made in `folder` (else copies). Small movies may lie anywhere.

    Errors: `PlaceRefused` where neither is possible.
    """
    small = encoded_bytes <= MOST_COPIED_BYTES
    cloud = _cloud_of(folder)
    advice = (
        "Choose a folder on the internal disk with --out, or for all data with the environment variable AUTOGRADE_DATA; "
        "or take a smaller one: --gib 2"
    )
    if cloud is not None and not small:
        raise PlaceRefused(
            f"{folder} belongs to a folder that is copied to a cloud ({cloud}), which would copy each of "
            f"the links as a file of its own, {format_bytes(encoded_bytes)} in all. {advice}"
        )
    if cloud is None and _can_link(folder):
        return True
    if not small:
        raise PlaceRefused(
            f"the file system of {folder} has no hard links (exFAT and FAT sticks and some network drives do not), and "
            f"without them the movie would take {format_bytes(encoded_bytes)}. {advice}"
        )
    say(f"Without hard links here: chunks are copied ({format_bytes(encoded_bytes)}).")
    return False


def _cloud_of(folder: Path) -> str | None:
    """The part of the path, or the marker file, that says that a program copies this folder to a cloud; None if nothing."""
    for place in (folder, *folder.parents):
        name = place.name.lower()
        if any(name == known or name.startswith((f"{known} ", f"{known}-")) for known in _CLOUD_NAMES):
            return place.name
        if place.is_dir() and any((place / marker).exists() for marker in _CLOUD_FILES) and place.parent != place:
            return next(marker for marker in _CLOUD_FILES if (place / marker).exists())
    return None


def _can_link(folder: Path) -> bool:
    first, second = folder / ".link-a", folder / ".link-b"
    first.write_bytes(b"link")
    try:
        os.link(first, second)
        return second.stat().st_nlink == 2
    except OSError:  # EPERM, ENOTSUP, or what a network drive says: tried is better than asked
        return False
    finally:
        first.unlink(missing_ok=True)
        second.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    aside = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, aside)
    aside.replace(target)


_ZARR = Form(
    data_set="terabyte",
    version=GENERATOR_VERSION,
    shapes=SHAPES,
    truth=Recording,
    dtype="uint16",
    payload="recording.zarr",
    most_bytes=lambda truth: int(_pool_bytes(truth) / RATIO_AT_LEAST) + 100 * len(truth.pool_index) + 2**20,
    about_seconds=lambda truth: _pool_bytes(truth) * 1.2e-8 + 3e-5 * len(truth.pool_index),
    steps=lambda truth: len(truth.pool_index) + _CHUNK_STEPS * _pool_files(truth),
    write=_write,
    resumable=True,
)


def _recipe(scale: str, seed: int, gib: float | None = None) -> Recipe:
    return _ZARR.recipe(scale, seed, shape=None if gib is None else shape_of(gib))


def _check_links(folder: Path, facts: dict[str, Any]) -> tuple[str, ...]:
    return strays(folder, Recording(tuple(facts["shape"]), int(facts["seed"])))


main = build_command(
    "terabyte",
    summary="Make one terabyte of two-photon imaging in less than 1 GiB: zarr, uint16 (t, y, x). "
    "--scale full is the terabyte, laptop its first 2 GiB.",
    forms={"zarr": _recipe},
    extra=(gib_option(),),
    also_check=_check_links,
)

if __name__ == "__main__":
    main()
