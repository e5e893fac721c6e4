"""An extracellular recording: int16 (sample, channel) at 30 kHz, as a SpikeGLX-like .ap.bin with .meta or as zarr.

A probe of two sites per row, rows 20 um apart, in staggered columns. Its units fire at 2-15 Hz; a spike is 40-300 uV
at the unit and falls off over 25-30 um. Every channel has noise of its own (about 10 uV), all share common noise (mains
hum and what the animal does), and slow waves (LFP) run along the probe. One bit is 0.195 uV, but the converter steps by
12 bits (2.34 uV), as Neuropixels 1.0 recordings do when they are stored at 0.195 uV per bit. Rates, sizes and fall-off
are those that the course took from real recordings; waveforms, common noise and waves are our choice.

    python data_scripts/ephys.py --scale tiny --out /tmp/recording
"""

from __future__ import annotations

import functools
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data_scripts.command import build_command
from data_scripts.form import Form, padded_bytes
from data_scripts.settings import check_seed, check_shape, pick_size
from data_scripts.sink import Sink, create_array

__all__ = [
    "GAIN_UV",
    "GENERATOR_VERSION",
    "SAMPLE_RATE_HZ",
    "SHAPES",
    "STEP_BITS",
    "Recording",
    "Truth",
    "channel_positions_um",
    "fetch",
    "fetch_bin",
    "fetch_zarr",
    "main",
    "recording",
    "write_bin",
    "write_zarr",
]

GENERATOR_VERSION = 1
"""Part of every folder's name; raise it when the bytes change, so that old data is never taken for new."""

Shape = tuple[int, int]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

SHAPES: dict[str, Shape] = {"tiny": (9_001, 16), "laptop": (175_003, 384), "full": (108_000_000, 384)}
"""Samples and channels by scale; laptop is 128 MiB in 5.8 s, full 82.9 GB in an hour. No chunk divides the samples."""

SAMPLE_RATE_HZ = 30_000.0
GAIN_UV = 0.195
"""Microvolts per bit."""
STEP_BITS = 12
"""The converter's step: every stored number is a multiple of it."""
BLOCK_SAMPLES = 2048
"""Samples are drawn in blocks of so many; a block is a pure function of (seed, shape, block)."""

NOISE_UV = 10.0
AMPLITUDE_UV = (40.0, 300.0)  # drawn per unit from these ranges
RATE_HZ = (2.0, 15.0)
FALL_OFF_UM = (25.0, 30.0)
REFRACTORY_SECONDS = 0.002
COMMON_UV = 8.0
HUM_HZ, HUM_UV = 50.0, 6.0
LFP_UV = 14.0  # what the amplifier's high-pass leaves of the slow waves

_COLUMNS_UM = (43.0, 11.0, 59.0, 27.0)
_ROW_UM = 20.0
_TEMPLATE_SAMPLES, _TROUGH = 72, 20  # 2.4 ms; the spike's time is that of its trough
_WAVES = 8
_META_OVERHEAD_BYTES = 4096


@dataclass(frozen=True, eq=False)
class Truth:
    """What is in the recording, without noise.

    `spike_samples`: per unit, int64 sample numbers of its troughs, ascending. `positions_um` float64 (unit, 2): (x, y)
    on the plane of the probe, y along it. `amplitudes_uv` float64 (unit,): depth of the trough at the unit itself.
    `fall_off_um` and `rates_hz` float64 (unit,). `templates_uv` float32 (unit, 72, channel): its spike, trough at
    sample 20. `best_channels` int64 (unit,): where its spike is largest. `channels_um` float64 (channel, 2): (x, y).
    """

    spike_samples: tuple[npt.NDArray[np.int64], ...]
    positions_um: Floats
    amplitudes_uv: Floats
    fall_off_um: Floats
    rates_hz: Floats
    templates_uv: Singles
    best_channels: npt.NDArray[np.int64]
    channels_um: Floats


@dataclass(frozen=True)
class Recording:
    """The truth: every sample is a pure function of (seed, shape, t), int16 bits of 0.195 uV.

    >>> Recording((9_001, 16), seed=1).samples(5, 9).shape
    (4, 16)

    Errors: ValueError for a shape that is not two positive sizes, or a negative seed.
    """

    shape: Shape
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", check_shape(self.shape, axes=("sample", "channel")))
        check_seed(self.seed)

    @property
    def nbytes(self) -> int:
        """Size in bytes, uncompressed."""
        return 2 * math.prod(self.shape)

    @property
    def seconds(self) -> float:
        """Duration of the recording."""
        return self.shape[0] / SAMPLE_RATE_HZ

    @property
    def truth(self) -> Truth:
        """What is in the recording."""
        scene = _scene(self.shape, self.seed)
        templates = np.zeros((len(scene.positions), _TEMPLATE_SAMPLES, self.shape[1]), dtype=np.float32)
        for unit, (first, template) in enumerate(zip(scene.first_channel, scene.templates, strict=True)):
            templates[unit, :, first : first + template.shape[1]] = template
        split = np.searchsorted(np.sort(scene.spike_unit), np.arange(1, len(scene.positions)))
        order = np.lexsort((scene.spike_sample, scene.spike_unit))
        return Truth(
            spike_samples=tuple(np.split(scene.spike_sample[order], split)),
            positions_um=scene.positions,
            amplitudes_uv=scene.amplitudes,
            fall_off_um=scene.fall_off,
            rates_hz=scene.rates,
            templates_uv=templates,
            best_channels=templates.min(axis=1).argmin(axis=1),
            channels_um=channel_positions_um(self.shape[1]),
        )

    def samples(self, t0: int, t1: int) -> npt.NDArray[np.int16]:
        """Samples t0 to t1 (exclusive, cut off at the end), int16 (t1 - t0, channel).

        Errors: IndexError for a negative start.
        """
        if t0 < 0:
            raise IndexError(f"expected samples inside {self.shape}, got {t0} to {t1}: start at 0 or later")
        t1 = min(t1, self.shape[0])
        out = np.empty((max(t1 - t0, 0), self.shape[1]), dtype=np.int16)
        if t1 <= t0:
            return out
        for block in range(t0 // BLOCK_SAMPLES, math.ceil(t1 / BLOCK_SAMPLES)):
            start = block * BLOCK_SAMPLES
            first, last = max(t0, start), min(t1, start + BLOCK_SAMPLES)
            out[first - t0 : last - t0] = self._block(block)[first - start : last - start]
        return out

    def _block(self, block: int) -> npt.NDArray[np.int16]:
        """All samples of one block (those beyond the end too), int16 (BLOCK_SAMPLES, channel)."""
        scene = _scene(self.shape, self.seed)
        start = block * BLOCK_SAMPLES
        rng = np.random.default_rng([self.seed, *b"noise", block])
        volts = rng.standard_normal((BLOCK_SAMPLES, self.shape[1]), dtype=np.float32)
        volts *= np.float32(NOISE_UV)
        volts += _rounded(COMMON_UV * rng.standard_normal(BLOCK_SAMPLES) + _hum(scene, start))[:, None]
        for wave, profile in zip(_waves(scene, start), scene.wave_profiles, strict=True):
            volts += wave[:, None] * profile[None, :]
        first, last = np.searchsorted(
            scene.spike_sample, (start - _TEMPLATE_SAMPLES, start + BLOCK_SAMPLES + _TEMPLATE_SAMPLES)
        ).tolist()
        samples, units = scene.spike_sample[first:last].tolist(), scene.spike_unit[first:last].tolist()
        for sample, unit in zip(samples, units, strict=True):
            template, channel = scene.templates[unit], scene.first_channel[unit]
            at = sample - _TROUGH - start
            first, last = max(at, 0), min(at + _TEMPLATE_SAMPLES, BLOCK_SAMPLES)
            if first < last:
                volts[first:last, channel : channel + template.shape[1]] += template[first - at : last - at]
        volts *= np.float32(1 / (GAIN_UV * STEP_BITS))
        np.rint(volts, out=volts)
        volts += scene.offset_steps
        most = 32767 // STEP_BITS
        steps = np.clip(volts, -most, most, out=volts).astype(np.int16)
        steps *= STEP_BITS
        return steps


def channel_positions_um(count: int) -> Floats:
    """Where the sites of the first `count` channels are, float64 (channel, 2): (x, y), y along the probe."""
    channel = np.arange(count)
    return np.stack([np.array(_COLUMNS_UM)[channel % 4], _ROW_UM * (channel // 2)], axis=1)


@dataclass(frozen=True, eq=False)
class _Scene:
    """What is drawn once per recording. Spikes are sorted by time.

    `templates`: per unit float32 (72, channels near it), the first of which is `first_channel`. `wave_profiles`
    float32 (wave, channel) in uV; `offset_steps` int16 (channel,): each channel has its own zero.
    """

    positions: Floats
    amplitudes: Floats
    fall_off: Floats
    rates: Floats
    first_channel: tuple[int, ...]
    templates: tuple[Singles, ...]
    spike_sample: npt.NDArray[np.int64]
    spike_unit: npt.NDArray[np.int64]
    wave_hz: Floats
    wave_phase: Floats
    wave_profiles: Singles
    hum_phase: float
    offset_steps: npt.NDArray[np.int16]


@functools.lru_cache(maxsize=4)
def _scene(shape: Shape, seed: int) -> _Scene:
    """Everything about a recording except its noise; a pure function of (shape, seed), remembered for the last few."""
    samples, channels = shape
    sites = channel_positions_um(channels)
    rng = np.random.default_rng([seed, *b"units"])
    count = max(2, channels // 6)
    # One unit per stretch of the probe, so that neighbours overlap, as they do, but seldom lie on each other.
    length = sites[-1, 1] + _ROW_UM
    along = (np.arange(count) + rng.uniform(0.1, 0.9, count)) * length / count
    positions = np.stack([rng.uniform(5, 65, count), along], axis=1)
    amplitudes = np.exp(rng.uniform(math.log(AMPLITUDE_UV[0]), math.log(AMPLITUDE_UV[1]), count))
    fall_off = rng.uniform(*FALL_OFF_UM, count)
    rates = rng.uniform(*RATE_HZ, count)
    widths = rng.uniform(0.7, 1.6, count)
    placed = [
        _template(sites, place=place, amplitude=amplitude, fall_off=fall, width=width)
        for place, amplitude, fall, width in zip(positions, amplitudes, fall_off, widths, strict=True)
    ]
    sample, unit = _spikes(np.random.default_rng([seed, *b"spikes"]), rates=rates, samples=samples)
    field = np.random.default_rng([seed, *b"field"])
    depth = np.arange(channels)[None, :] / 384
    cycles, phase = field.uniform(0.2, 2.0, (_WAVES, 1)), field.uniform(0, 2 * np.pi, (_WAVES, 1))
    size = field.uniform(0.5, 1.5, (_WAVES, 1)) * LFP_UV / math.sqrt(_WAVES) * math.sqrt(2)
    return _Scene(
        positions=positions,
        amplitudes=amplitudes,
        fall_off=fall_off,
        rates=rates,
        first_channel=tuple(first for first, _ in placed),
        templates=tuple(template for _, template in placed),
        spike_sample=sample,
        spike_unit=unit,
        wave_hz=np.exp(field.uniform(np.log(2), np.log(80), _WAVES)),
        wave_phase=field.uniform(0, 2 * np.pi, _WAVES),
        wave_profiles=_rounded(size * (0.6 + 0.4 * np.cos(2 * np.pi * cycles * depth + phase))),
        hum_phase=float(field.uniform(0, 2 * np.pi)),
        offset_steps=field.integers(-6, 7, channels).astype(np.int16),
    )


def _template(sites: Floats, *, place: Floats, amplitude: float, fall_off: float, width: float) -> tuple[int, Singles]:
    """The first channel that sees a unit, and its spike there and on those that follow, float32 (72, channels), uV."""
    distance = np.sqrt(((sites - place) ** 2).sum(axis=1))
    size = amplitude * np.exp(-distance / fall_off)
    seen = np.flatnonzero(size > 1.0)
    if len(seen) == 0:
        seen = np.array([int(np.argmin(distance))])
    first, last = int(seen[0]), int(seen[-1])
    ms = (np.arange(_TEMPLATE_SAMPLES) - _TROUGH) / SAMPLE_RATE_HZ * 1000 / width
    shape = -np.exp(-((ms / 0.16) ** 2)) + 0.35 * np.exp(-(((ms - 0.45) / 0.28) ** 2))
    shape += 0.12 * np.exp(-(((ms + 0.28) / 0.12) ** 2))
    shape /= -shape[_TROUGH]
    return first, _rounded(shape[:, None] * size[None, first : last + 1])


def _spikes(
    rng: np.random.Generator, *, rates: Floats, samples: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sample numbers and units of all spikes, sorted by time; a unit rests for 2 ms after each."""
    seconds = samples / SAMPLE_RATE_HZ
    all_samples, all_units = [], []
    for unit, rate in enumerate(rates.tolist()):
        count = int(seconds * rate * 1.5) + 20 + int(8 * math.sqrt(seconds * rate))
        gaps = REFRACTORY_SECONDS + rng.exponential(1 / rate - REFRACTORY_SECONDS, count)
        times = np.floor((np.cumsum(gaps) - gaps[0] * rng.uniform()) * SAMPLE_RATE_HZ).astype(np.int64)
        times = times[times < samples]
        all_samples.append(times)
        all_units.append(np.full(len(times), unit, dtype=np.int64))
    sample, unit_of = np.concatenate(all_samples), np.concatenate(all_units)
    order = np.lexsort((unit_of, sample))
    return sample[order], unit_of[order]


def _hum(scene: _Scene, start: int) -> Floats:
    """Mains hum with its third harmonic, uV, for the block that begins at sample `start`."""
    turn = 2 * np.pi * HUM_HZ * (start + np.arange(BLOCK_SAMPLES)) / SAMPLE_RATE_HZ + scene.hum_phase
    return np.asarray(HUM_UV * (np.sin(turn) + 0.3 * np.sin(3 * turn)))


def _waves(scene: _Scene, start: int) -> Singles:
    """Slow waves of the block that begins at sample `start`, float32 (wave, BLOCK_SAMPLES), between -1 and 1."""
    seconds = (start + np.arange(BLOCK_SAMPLES)) / SAMPLE_RATE_HZ
    return _rounded(np.sin(2 * np.pi * scene.wave_hz[:, None] * seconds + scene.wave_phase[:, None]))


def _rounded(values: Floats) -> Singles:
    """Rounded, so that the last bit of a mathematical library does not decide about a bit of the recording."""
    return (np.rint(values * 4096) / 4096).astype(np.float32)


def meta_of(source: Recording, *, sha1: str) -> str:
    """The text of the .meta file: lines ``key=value``, with the keys that SpikeGLX uses and one of ours, uvPerBit.

    As in SpikeGLX, volts per bit are ``imAiRangeMax / imMaxInt / imChan0apGain``.
    """
    channels = source.shape[1]
    gain = 500
    most = (512 * STEP_BITS) * gain * GAIN_UV * 1e-6
    sites = "".join(f"(0:{x:g}:{y:g}:1)" for x, y in channel_positions_um(channels).tolist())
    values = {
        "acqApLfSy": f"{channels},0,0",
        "fileSHA1": sha1.upper(),
        "fileSizeBytes": source.nbytes,
        "fileTimeSecs": f"{source.seconds:.6f}",
        "firstSample": 0,
        "imAiRangeMax": f"{most:.6g}",
        "imAiRangeMin": f"{-most:.6g}",
        "imChan0apGain": gain,
        "imDatPrb_type": 0,
        "imMaxInt": 512 * STEP_BITS,
        "imSampRate": f"{SAMPLE_RATE_HZ:g}",
        "nSavedChans": channels,
        "snsApLfSy": f"{channels},0,0",
        "snsSaveChanSubset": f"0:{channels - 1}",
        "typeThis": "imec",
        "uvPerBit": GAIN_UV,
        "~snsGeomMap": f"(NP1000,1,0,70){sites}",
    }
    return "".join(f"{key}={value}\n" for key, value in values.items())


def write_bin(path: Path, source: Recording, *, sink: Sink | None = None) -> None:
    """Write `source` to `path`, a name ending in .bin, and its .meta beside it, one block at a time.

    The file has no header: int16, little end first, all channels of sample 0, then all of sample 1, and so on.
    Errors: ValueError for another ending.
    """
    if path.suffix != ".bin":
        raise ValueError(f"expected a name that ends in .bin, got {path.name!r}: the .meta is named after it")
    path.parent.mkdir(parents=True, exist_ok=True)
    sink = Sink(root=path.parent) if sink is None else sink
    sha1 = hashlib.sha1(usedforsecurity=False)
    with path.open("wb") as stream:
        for t0 in range(0, source.shape[0], BLOCK_SAMPLES):
            data = source.samples(t0, t0 + BLOCK_SAMPLES).astype("<i2", copy=False).data
            stream.write(data)
            sha1.update(data)
            sink.advance(1)
    sink.record(path)
    sink.write(path.with_suffix(".meta"), meta_of(source, sha1=sha1.hexdigest()).encode())


def chunks_of(shape: Shape) -> Shape:
    """Chunks that are written: 2048 samples of all channels, 1.5 MiB at laptop scale."""
    return (BLOCK_SAMPLES, shape[1])


def write_zarr(path: Path, source: Recording, *, sink: Sink | None = None) -> None:
    """Write `source` as a zarr v3 array, int16 (sample, channel), zarr's default compressor, one block at a time.

    Attributes: sampling_rate_hz, gain_uv (microvolts per bit). Writes straight to `path`; `fetch_zarr` survives Ctrl-C.
    """
    sink = Sink(root=path) if sink is None else sink
    array = create_array(
        path,
        sink=sink,
        shape=source.shape,
        chunks=chunks_of(source.shape),
        dtype="int16",
        dimension_names=("sample", "channel"),
        attributes={"sampling_rate_hz": SAMPLE_RATE_HZ, "gain_uv": GAIN_UV},
    )
    for t0 in range(0, source.shape[0], BLOCK_SAMPLES):
        array[t0 : t0 + BLOCK_SAMPLES] = source.samples(t0, t0 + BLOCK_SAMPLES)
        sink.advance(1)


def recording(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Recording:
    """The truth behind `fetch_bin` and `fetch_zarr` with the same arguments.

    `scale` is tiny, laptop or full (default: AUTOGRADE_SCALE, else laptop) and is ignored when `shape` is given.
    """
    return Recording(pick_size(SHAPES, scale=scale, shape=shape)[0], seed)


def fetch_bin(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Path:
    """The folder with recording.ap.bin and recording.ap.meta; see `write_bin`. Made the first time.

    Errors: ValueError for a wrong scale, shape or seed; `data_scripts.store.DiskTooSmall`.
    """
    return _BIN.fetch(scale=scale, seed=seed, shape=shape)


def fetch_zarr(*, scale: str | None = None, seed: int = 0, shape: Shape | None = None) -> Path:
    """The same recording as a zarr v3 array, int16 (sample, channel); see `write_zarr`. Made the first time.

    Errors: ValueError for a wrong scale, shape or seed; `data_scripts.store.DiskTooSmall`.
    """
    return _ZARR.fetch(scale=scale, seed=seed, shape=shape)


def fetch(*, scale: str | None = None, seed: int = 0) -> Path:
    """The folder with the .ap.bin and its .meta: what the acquisition system leaves."""
    return fetch_bin(scale=scale, seed=seed)


def _blocks(source: Recording) -> int:
    return math.ceil(source.shape[0] / BLOCK_SAMPLES)


_BIN = Form(
    data_set="ephys-bin",
    version=GENERATOR_VERSION,
    shapes=SHAPES,
    truth=Recording,
    dtype="int16",
    payload="recording",
    most_bytes=lambda source: source.nbytes + _META_OVERHEAD_BYTES + 32 * source.shape[1],
    about_seconds=lambda source: source.nbytes * 3.0e-8,
    steps=_blocks,
    write=lambda path, source, sink: write_bin(path / "recording.ap.bin", source, sink=sink),
)
_ZARR = Form(
    data_set="ephys-zarr",
    version=GENERATOR_VERSION,
    shapes=SHAPES,
    truth=Recording,
    dtype="int16",
    payload="recording.zarr",
    most_bytes=lambda source: (
        padded_bytes(source.shape, chunks_of(source.shape), itemsize=2) + 256 * _blocks(source) + 4096
    ),
    about_seconds=lambda source: source.nbytes * 3.5e-8,
    steps=_blocks,
    write=write_zarr,
)

main = build_command(
    "ephys",
    summary="Make the extracellular recording: int16 (sample, channel) at 30 kHz, SpikeGLX-like or zarr.",
    forms={"bin": _BIN.recipe, "zarr": _ZARR.recipe},
)

if __name__ == "__main__":
    main()
