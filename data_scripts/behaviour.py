"""A long behavioural video: a dark mouse walks in a round arena; uint8 (t, y, x) at 25 Hz, as clips or as zarr.

The camera sees a textured floor under uneven light that changes slowly, a dark body with a head and a tail, and noise.
The recording is cut into eleven clips, clip_1.avi to clip_11.avi, one of them long, compressed by a real codec (MPEG-4
part 2 in AVI, through PyAV). As with real cameras, the header of some clips says a wrong number of frames. The codec
loses: what a clip decodes to is near to `Video.frames`, not equal.

    python data_scripts/behaviour.py --scale tiny --out /tmp/clips
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_scripts.command import build_command
from data_scripts.form import Form, padded_bytes
from data_scripts.settings import check_seed, check_shape, pick_size
from data_scripts.sink import Sink, create_array

__all__ = [
    "CLIPS",
    "FRAME_RATE_HZ",
    "GENERATOR_VERSION",
    "SHAPES",
    "Truth",
    "Video",
    "fetch",
    "fetch_clips",
    "fetch_zarr",
    "main",
    "video",
    "write_clip",
    "write_clips",
    "write_zarr",
]

GENERATOR_VERSION = 1
"""Part of every folder's name; raise it when the bytes change, so that old data is never taken for new."""

Shape = tuple[int, int, int]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Frames = npt.NDArray[np.uint8]

SHAPES: dict[str, Shape] = {"tiny": (75, 48, 64), "laptop": (1753, 240, 320), "full": (90_000, 1024, 1280)}
"""Frames and pixels (t, y, x) by scale; laptop is 128 MiB in 70 s, full 118 GB in an hour."""

FRAME_RATE_HZ = 25
CLIPS = 11
"""The recording is cut into so many clips: enough that clip_10 comes before clip_2 when names are sorted as text."""
LONG_CLIP_SHARE = 0.7
"""One clip holds so many of the frames: whoever holds a whole clip in memory holds nearly everything."""
BLOCK_FRAMES = 16
"""Frames are drawn in blocks of so many; a block is a pure function of (seed, shape, block)."""

FLOOR_GREY, WALL_GREY, OUTSIDE_GREY, ANIMAL_GREY = 150.0, 205.0, 60.0, 35.0
NOISE_GREY = 2.5
LIGHT_CHANGE, LIGHT_SECONDS = 0.08, 40.0
BODY_SHARE = 0.055  # half length of the body, as a share of the arena's diameter

_QUALITY = 6  # of MPEG-4: 1 is best, 31 worst
_CHUNK_PX = 320
_HEADER_BYTES = 64 * 1024


@dataclass(frozen=True, eq=False)
class Truth:
    """What the video shows.

    `positions_px` float64 (t, 2): centre of the body (y, x) in pixel indices (0 is the middle of the first pixel).
    `headings_rad` float64 (t,): where it looks; the direction is (sin, cos) in (y, x). `background` float32 (y, x): the
    empty arena at mean light. `light` float64 (t,): brightness of each frame relative to that. `arena_px` (y, x, radius).
    `clip_frames`: how many frames each clip has; `claimed_frames`: what its header says.
    """

    positions_px: Floats
    headings_rad: Floats
    background: Singles
    light: Floats
    arena_px: tuple[float, float, float]
    clip_frames: tuple[int, ...]
    claimed_frames: tuple[int, ...]


@dataclass(frozen=True)
class Video:
    """The truth before compression: every frame is a pure function of (seed, shape, t), uint8 grey levels.

    >>> Video((75, 48, 64), seed=1).frames(5, 9).shape
    (4, 48, 64)

    Errors: ValueError for a shape that is not three positive sizes, fewer frames than clips, odd y or x (the codec
    stores colour at half the resolution), or a negative seed.
    """

    shape: Shape
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", check_shape(self.shape, axes=("t", "y", "x")))
        if self.shape[0] < CLIPS or self.shape[1] % 2 or self.shape[2] % 2:
            raise ValueError(f"expected at least {CLIPS} frames and even y and x, got {self.shape}: mend the shape")
        check_seed(self.seed)

    @property
    def nbytes(self) -> int:
        """Size in bytes, uncompressed."""
        return math.prod(self.shape)

    @property
    def truth(self) -> Truth:
        """What the video shows."""
        scene = _scene(self.shape, self.seed)
        return Truth(
            positions_px=scene.positions,
            headings_rad=scene.headings,
            background=scene.background,
            light=_light(np.arange(self.shape[0])),
            arena_px=_arena(self.shape),
            clip_frames=scene.clip_frames,
            claimed_frames=scene.claimed_frames,
        )

    def frames(self, t0: int, t1: int) -> Frames:
        """Frames t0 to t1 (exclusive, cut off at the end), uint8 (t1 - t0, y, x).

        Errors: IndexError for a negative start.
        """
        if t0 < 0:
            raise IndexError(f"expected frames inside {self.shape}, got {t0} to {t1}: start at 0 or later")
        t1 = min(t1, self.shape[0])
        out = np.empty((max(t1 - t0, 0), *self.shape[1:]), dtype=np.uint8)
        if t1 <= t0:
            return out
        for block in range(t0 // BLOCK_FRAMES, math.ceil(t1 / BLOCK_FRAMES)):
            start = block * BLOCK_FRAMES
            rng = np.random.default_rng([self.seed, *b"noise", block])
            for frame in range(start, min(start + BLOCK_FRAMES, t1)):
                noise = rng.standard_normal(self.shape[1:], dtype=np.float32)  # drawn for skipped frames too
                if frame >= t0:
                    out[frame - t0] = self._draw(frame, noise)
        return out

    def _draw(self, frame: int, noise: Singles) -> Frames:
        scene = _scene(self.shape, self.seed)
        grey = scene.background.copy()
        _draw_animal(grey, scene, frame)
        grey *= np.float32(_light(frame))
        noise *= np.float32(NOISE_GREY)
        grey += noise
        grey += np.float32(0.5)
        return np.clip(grey, 0, 255, out=grey).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class _Scene:
    """What is drawn once per video; a few MiB, for an hour too. `size_px` is the half length of the body."""

    background: Singles
    positions: Floats
    headings: Floats
    size_px: float
    clip_frames: tuple[int, ...]
    claimed_frames: tuple[int, ...]


@functools.lru_cache(maxsize=4)
def _scene(shape: Shape, seed: int) -> _Scene:
    """Everything about a video except its noise; a pure function of (shape, seed), remembered for the last few."""
    positions, headings = _walk(np.random.default_rng([seed, *b"walk"]), shape)
    clip_frames = _cut(np.random.default_rng([seed, *b"clips"]), count=shape[0])
    return _Scene(
        background=_background(np.random.default_rng([seed, *b"arena"]), shape),
        positions=positions,
        headings=headings,
        size_px=2 * _arena(shape)[2] * BODY_SHARE,
        clip_frames=clip_frames,
        claimed_frames=_claims(np.random.default_rng([seed, *b"claims"]), clip_frames),
    )


def _arena(shape: Shape) -> tuple[float, float, float]:
    """Centre (y, x) and radius of the round arena, in pixels."""
    return (shape[1] - 1) / 2, (shape[2] - 1) / 2, 0.46 * min(shape[1:])


def _background(rng: np.random.Generator, shape: Shape) -> Singles:
    """The empty arena: floor with grain and scratches, a bright wall, dark outside, and a lamp off the centre."""
    centre_y, centre_x, radius = _arena(shape)
    y, x = (np.arange(shape[1]) - centre_y)[:, None], (np.arange(shape[2]) - centre_x)[None, :]
    away = np.sqrt(y * y + x * x) / radius
    grain = rng.standard_normal(shape[1:])
    for axis in (0, 1):
        grain = (np.roll(grain, 1, axis) + 2 * grain + np.roll(grain, -1, axis)) / 4
    floor = FLOOR_GREY * (1 + 0.10 * grain)
    for _scratch in range(9):
        angle, offset = rng.uniform(0, np.pi), rng.uniform(-0.8, 0.8) * radius
        across = np.sin(angle) * y - np.cos(angle) * x - offset
        floor += rng.uniform(-16, 16) * np.clip(1.5 - np.abs(across), 0, 1)
    grey = np.where(away < 0.94, floor, np.where(away < 1.0, WALL_GREY, OUTSIDE_GREY))
    lamp_y, lamp_x = rng.uniform(-0.4, 0.4, 2) * radius
    lamp = 1.08 - 0.22 * ((y - lamp_y) ** 2 + (x - lamp_x) ** 2) / radius**2
    return _rounded(grey * np.maximum(lamp, 0.55))


def _walk(rng: np.random.Generator, shape: Shape) -> tuple[Floats, Floats]:
    """Where the animal is (t, 2) and where it looks (t,): it walks, rests, and turns before the wall."""
    centre_y, centre_x, radius = _arena(shape)
    most = 0.94 - 2.2 * BODY_SHARE
    y, x, heading, turn, speed = 0.0, 0.0, float(rng.uniform(-np.pi, np.pi)), 0.0, 0.0
    walking = True
    positions, headings = np.empty((shape[0], 2)), np.empty(shape[0])
    draws = rng.standard_normal((shape[0], 2))
    switches = rng.uniform(size=shape[0])
    for frame in range(shape[0]):
        if switches[frame] < (0.015 if walking else 0.02):
            walking = not walking
        speed = 0.8 * speed + 0.2 * (0.022 if walking else 0.0) * (1 + 0.3 * draws[frame, 0])
        turn = 0.85 * turn + 0.05 * draws[frame, 1]
        if y * y + x * x > (0.75 * most) ** 2:  # towards the middle, whichever way is shorter
            off = math.atan2(-y, -x) - heading
            turn += 0.06 * math.sin(off)
        heading += turn
        y, x = y + speed * math.sin(heading), x + speed * math.cos(heading)
        away = math.sqrt(y * y + x * x)
        if away > most:
            y, x = y * most / away, x * most / away
        y, x, heading = _exact(y), _exact(x), _exact(heading)
        positions[frame] = centre_y + radius * y, centre_x + radius * x
        headings[frame] = heading
    return positions, headings


def _draw_animal(grey: Singles, scene: _Scene, frame: int) -> None:
    """Body, head and tail over the arena, with soft edges; `grey` float32 (y, x) is changed."""
    (centre_y, centre_x), heading, size = scene.positions[frame], float(scene.headings[frame]), scene.size_px
    reach = math.ceil(2.8 * size) + 2
    top, left = max(int(centre_y) - reach, 0), max(int(centre_x) - reach, 0)
    bottom, right = min(int(centre_y) + reach, grey.shape[0]), min(int(centre_x) + reach, grey.shape[1])
    y = (np.arange(top, bottom) - centre_y)[:, None] / size
    x = (np.arange(left, right) - centre_x)[None, :] / size
    along = np.cos(heading) * x + np.sin(heading) * y
    across = np.cos(heading) * y - np.sin(heading) * x
    swing = 0.25 * math.sin(0.9 * frame)
    inside = 1 - np.sqrt((along / 1.0) ** 2 + (across / 0.55) ** 2)
    inside = np.maximum(inside, 0.45 - np.sqrt((along - 1.0) ** 2 + (across / 0.8) ** 2))
    tail = 0.09 - np.abs(across - swing * (along + 1) ** 2)
    inside = np.maximum(inside, np.where((along > -2.4) & (along < -0.8), tail, -1.0))
    cover = _rounded(np.clip(inside * size * 0.8 + 0.5, 0, 1))
    patch = grey[top:bottom, left:right]
    patch += cover * (np.float32(ANIMAL_GREY) - patch)


def _light(frame: npt.NDArray[np.int64] | int) -> Floats:
    """Brightness of a frame, or of an array of them, relative to the mean: the light changes slowly."""
    turn = 2 * np.pi * np.asarray(frame) / (FRAME_RATE_HZ * LIGHT_SECONDS)
    return np.asarray(np.rint((1 + LIGHT_CHANGE * np.sin(turn)) * 4096) / 4096)


def _cut(rng: np.random.Generator, *, count: int) -> tuple[int, ...]:
    """How many frames each clip has, `count` in all: one clip holds most of them, the others share the rest."""
    short = max(CLIPS - 1, round((1 - LONG_CLIP_SHARE) * count))
    places = (np.arange(1, CLIPS - 1) + rng.uniform(-0.3, 0.3, CLIPS - 2)) * short / (CLIPS - 1)
    edges = [0, *np.floor(places).astype(int).tolist(), short]
    for clip in range(1, CLIPS - 1):  # with few frames two edges may fall together
        edges[clip] = min(max(edges[clip], edges[clip - 1] + 1), short - (CLIPS - 1 - clip))
    lengths = [stop - start for start, stop in itertools.pairwise(edges)]
    lengths.insert(int(rng.integers(1, CLIPS - 1)), count - short)
    return tuple(lengths)


def _claims(rng: np.random.Generator, clip_frames: tuple[int, ...]) -> tuple[int, ...]:
    """What the headers say: one clip claims too many frames, one too few, all others are honest."""
    more, fewer = rng.choice(CLIPS, 2, replace=False).tolist()
    claims = list(clip_frames)
    claims[more] += max(2, clip_frames[more] // 4)
    claims[fewer] -= max(1, clip_frames[fewer] // 5)
    return tuple(claims)


def _exact(value: float) -> float:
    return round(value * 2**20) / 2**20


def _rounded(values: Floats) -> Singles:
    """Rounded, so that the last bit of a mathematical library does not decide about a grey level."""
    return (np.rint(values * 4096) / 4096).astype(np.float32)


def write_clip(
    path: Path, frames: Iterable[Frames], *, claimed: int | None = None, rate_hz: int = FRAME_RATE_HZ
) -> None:
    """Write grey frames, each uint8 (y, x) with even sizes, as one MPEG-4 clip in AVI at `rate_hz` frames per second.

    Its header says `claimed` frames, whatever the number that can be decoded (default: it tells the truth). Holds one
    frame at a time. The same frames give the same file with the same version of FFmpeg.

    Errors: ValueError without any frame.
    """
    import av

    count = 0
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mpeg4", rate=rate_hz, options={"qmin": str(_QUALITY), "qmax": str(_QUALITY)})
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.bit_rate = 1_000_000_000  # quality decides, within qmin and qmax
        for grey in frames:
            if count == 0:
                stream.height, stream.width = grey.shape
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(grey), format="gray").reformat(format="yuv420p")
            picture.pts = count
            container.mux(stream.encode(picture))
            count += 1
        if count == 0:
            raise ValueError(f"expected at least one frame for {path.name}, got none: cut the clips otherwise")
        container.mux(stream.encode())
    if claimed is not None and claimed != count:
        _set_claim(path, claimed)


def _set_claim(path: Path, claimed: int) -> None:
    """Write the number of frames into both headers of an AVI file, where players and libraries look it up."""
    with path.open("r+b") as stream:
        header = stream.read(_HEADER_BYTES)
        for name, field in ((b"avih", 16), (b"strh", 32)):  # dwTotalFrames and dwLength, after name and size
            stream.seek(header.index(name) + 8 + field)
            stream.write(claimed.to_bytes(4, "little"))


def write_clips(folder: Path, source: Video, *, sink: Sink | None = None) -> None:
    """Write `source` as clip_1.avi, clip_2.avi, ... into `folder`; sorted as text, clip_10 comes before clip_2.

    Which clips' headers lie says `Truth.claimed_frames`. Writes straight to `folder`; `fetch_clips` survives Ctrl-C.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sink = Sink(root=folder) if sink is None else sink
    scene = _scene(source.shape, source.seed)
    start = 0
    for number, (count, claimed) in enumerate(zip(scene.clip_frames, scene.claimed_frames, strict=True), start=1):
        path = folder / f"clip_{number}.avi"
        blocks = (
            source.frames(t0, min(t0 + BLOCK_FRAMES - t0 % BLOCK_FRAMES, start + count))
            for t0 in _block_starts(start, start + count)
        )
        write_clip(path, (frame for block in blocks for frame in block), claimed=claimed)
        sink.record(path)
        sink.advance(count)
        start += count


def _block_starts(start: int, stop: int) -> list[int]:
    """`start`, and every multiple of BLOCK_FRAMES after it and before `stop`."""
    first = (start // BLOCK_FRAMES + 1) * BLOCK_FRAMES
    return [start, *range(first, stop, BLOCK_FRAMES)]


def chunks_of(shape: Shape) -> Shape:
    """Chunks that are written: 16 frames of at most 320 x 320 pixels, 1.2 MiB at laptop scale."""
    return (BLOCK_FRAMES, min(shape[1], _CHUNK_PX), min(shape[2], _CHUNK_PX))


def write_zarr(path: Path, source: Video, *, sink: Sink | None = None) -> None:
    """Write the frames before compression as a zarr v3 array, uint8 (t, y, x), zarr's default compressor.

    The attribute frame_rate_hz holds the frame rate. Writes straight to `path`; `fetch_zarr` survives Ctrl-C.
    """
    sink = Sink(root=path) if sink is None else sink
    array = create_array(
        path,
        sink=sink,
        shape=source.shape,
        chunks=chunks_of(source.shape),
        dtype="uint8",
        dimension_names=("t", "y", "x"),
        attributes={"frame_rate_hz": FRAME_RATE_HZ},
    )
    for t0 in range(0, source.shape[0], BLOCK_FRAMES):
        t1 = min(t0 + BLOCK_FRAMES, source.shape[0])
        array[t0:t1] = source.frames(t0, t1)
        sink.advance(t1 - t0)


def video(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Video:
    """The truth behind `fetch_clips` (before the codec) and `fetch_zarr` with the same arguments.

    `scale` is tiny, laptop or full (default: AUTOGRADE_SCALE, else laptop) and is ignored when `shape` is given.
    """
    return Video(pick_size(SHAPES, scale=scale, shape=shape)[0], seed)


def fetch_clips(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Path:
    """The folder of clips clip_1.avi to clip_11.avi; see `write_clips`. Made the first time.

    Errors: ValueError for a wrong scale, shape or seed; `data_scripts.store.DiskTooSmall`.
    """
    return _CLIPS.fetch(scale=scale, seed=seed, shape=shape)


def fetch_zarr(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Path:
    """The frames before compression as a zarr v3 array, uint8 (t, y, x); see `write_zarr`. Made the first time.

    Errors: ValueError for a wrong scale, shape or seed; `data_scripts.store.DiskTooSmall`.
    """
    return _ZARR.fetch(scale=scale, seed=seed, shape=shape)


def fetch(*, scale: str | None = None, seed: int = 0) -> Path:
    """The folder of clips: what a camera leaves."""
    return fetch_clips(scale=scale, seed=seed)


def _zarr_bytes(source: Video) -> int:
    padded = padded_bytes(source.shape, chunks_of(source.shape), itemsize=1)
    return padded + padded // 1000 + 8192


_CLIPS = Form(
    data_set="behaviour-avi",
    version=GENERATOR_VERSION,
    shapes=SHAPES,
    truth=Video,
    dtype="uint8",
    payload="clips",
    most_bytes=lambda source: source.nbytes // 2 + 32 * source.shape[0] + 2 * CLIPS * _HEADER_BYTES,
    about_seconds=lambda source: source.nbytes * 4.0e-8,
    steps=lambda source: source.shape[0],
    write=write_clips,
)
_ZARR = Form(
    data_set="behaviour-zarr",
    version=GENERATOR_VERSION,
    shapes=SHAPES,
    truth=Video,
    dtype="uint8",
    payload="video.zarr",
    most_bytes=_zarr_bytes,
    about_seconds=lambda source: source.nbytes * 3.0e-8,
    steps=lambda source: source.shape[0],
    write=write_zarr,
)

main = build_command(
    "behaviour",
    summary="Make the behavioural video: uint8 (t, y, x), compressed clips or zarr.",
    forms={"avi": _CLIPS.recipe, "zarr": _ZARR.recipe},
)

if __name__ == "__main__":
    main()
