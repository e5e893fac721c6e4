"""The recording is a pure function of seed and sample, its files are SpikeGLX-like, and its statistics as promised."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import zarr

from data_scripts import ephys
from data_scripts.ephys import GAIN_UV, SHAPES, STEP_BITS, Recording

TINY = Recording(SHAPES["tiny"], seed=3)
LAPTOP = Recording(SHAPES["laptop"])


def test_the_same_seed_gives_the_same_samples_and_another_seed_others():
    ephys._scene.cache_clear()
    again = Recording(SHAPES["tiny"], seed=3).samples(2000, 2100)
    np.testing.assert_array_equal(again, TINY.samples(2000, 2100))
    assert np.mean(Recording(SHAPES["tiny"], seed=4).samples(2000, 2100) != again) > 0.8


def test_samples_alone_are_the_samples_in_sequence():
    whole = TINY.samples(0, 9001)
    assert (whole.dtype, whole.shape) == (np.dtype("int16"), (9001, 16))
    for t0, t1 in ((5, 9), (2047, 2049), (0, 1), (3000, 9001), (9000, 9001)):
        np.testing.assert_array_equal(TINY.samples(t0, t1), whole[t0:t1])
    assert TINY.samples(8999, 20_000).shape == (2, 16)
    assert TINY.samples(9500, 9600).shape == (0, 16)
    with pytest.raises(IndexError, match="start at 0"):
        TINY.samples(-1, 4)


def test_what_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="two sizes"):
        Recording((3, 4, 5))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed of at least 0"):
        Recording((3, 4), seed=-1)


@pytest.mark.parametrize("shape", [(1, 1), (3, 384), (5000, 2)])
def test_short_and_narrow_recordings_work(shape: tuple[int, int]):
    assert Recording(shape).samples(0, shape[0]).shape == shape
    assert len(Recording(shape).truth.positions_um) >= 2


def test_the_converter_steps_by_twelve_bits():
    assert not np.any(LAPTOP.samples(0, 3000) % STEP_BITS)


def test_the_truth_lies_in_the_promised_ranges():
    truth = Recording((600_000, 96), seed=5).truth
    count = len(truth.positions_um)
    assert count == len(truth.spike_samples) == 16
    assert np.all((truth.amplitudes_uv >= 40) & (truth.amplitudes_uv <= 300))
    assert np.all((truth.fall_off_um >= 25) & (truth.fall_off_um <= 30))
    assert np.all((truth.rates_hz >= 2) & (truth.rates_hz <= 15))
    assert truth.templates_uv.shape == (16, 72, 96)
    for samples, rate in zip(truth.spike_samples, truth.rates_hz, strict=True):
        assert len(samples) == pytest.approx(20 * rate, abs=5 * np.sqrt(20 * rate))
        assert np.diff(samples).min() >= 60  # 2 ms of rest
        assert 0 <= samples[0] <= samples[-1] < 600_000


def test_a_spike_is_as_deep_as_its_amplitude_and_falls_off():
    truth = LAPTOP.truth
    for unit, template in enumerate(truth.templates_uv):
        away = np.sqrt(((truth.channels_um - truth.positions_um[unit]) ** 2).sum(axis=1))
        size = truth.amplitudes_uv[unit] * np.exp(-away / truth.fall_off_um[unit])
        seen = np.abs(template).max(axis=0) > 0
        np.testing.assert_allclose(-template[20, seen], size[seen], atol=0.001)
        assert template.min() == template[20].min()
        assert truth.best_channels[unit] == away.argmin()


def test_spikes_are_where_the_truth_says():
    truth = LAPTOP.truth
    unit = int(np.argmax(truth.amplitudes_uv))
    channel = truth.best_channels[unit]
    cut = [LAPTOP.samples(at - 20, at + 52)[:, channel] for at in truth.spike_samples[unit] if 20 <= at < 175_003 - 52]
    mean = np.mean(cut, axis=0) * GAIN_UV
    mean -= mean[:5].mean()
    assert len(cut) > 10
    np.testing.assert_allclose(mean, truth.templates_uv[unit, :, channel], atol=25)


def test_channels_have_noise_of_their_own_and_share_some():
    volts = LAPTOP.samples(0, 8192) * GAIN_UV
    own = np.diff(volts - np.median(volts, axis=1, keepdims=True), axis=0) / np.sqrt(2)
    spread = 1.4826 * np.median(np.abs(own - np.median(own)))
    assert spread == pytest.approx(ephys.NOISE_UV, rel=0.1)
    assert np.corrcoef(volts[:, 10], volts[:, 300])[0, 1] > 0.3


def test_the_lossless_ratio_is_that_of_real_recordings():
    array = zarr.create_array(zarr.storage.MemoryStore(), shape=(8192, 384), chunks=(2048, 384), dtype="int16")
    array[:] = LAPTOP.samples(40_960, 49_152)
    assert 2.3 < array.nbytes / array.nbytes_stored() < 3.6


def test_the_files_are_those_of_spikeglx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path))
    folder = ephys.fetch_bin(scale="tiny", seed=3)
    assert {path.name for path in folder.iterdir()} == {"recording.ap.bin", "recording.ap.meta"}
    data = (folder / "recording.ap.bin").read_bytes()
    np.testing.assert_array_equal(np.frombuffer(data, "<i2").reshape(-1, 16), TINY.samples(0, 9001))
    meta = dict(line.split("=", 1) for line in (folder / "recording.ap.meta").read_text().splitlines())
    assert (meta["nSavedChans"], meta["imSampRate"], meta["fileSizeBytes"]) == ("16", "30000", str(len(data)))
    assert meta["fileSHA1"] == hashlib.sha1(data).hexdigest().upper()
    volts_per_bit = float(meta["imAiRangeMax"]) / float(meta["imMaxInt"]) / float(meta["imChan0apGain"])
    assert volts_per_bit == pytest.approx(float(meta["uvPerBit"]) * 1e-6) == pytest.approx(GAIN_UV * 1e-6)
    with pytest.raises(ValueError, match=r"ends in \.bin"):
        ephys.write_bin(tmp_path / "recording.dat", TINY)


def test_the_array_holds_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path))
    array = zarr.open_array(ephys.fetch_zarr(scale="tiny", seed=3), mode="r")
    assert (array.metadata.zarr_format, array.chunks, array.dtype) == (3, (2048, 16), np.dtype("int16"))
    assert dict(array.attrs) == {"sampling_rate_hz": 30_000.0, "gain_uv": 0.195}
    np.testing.assert_array_equal(array[:], TINY.samples(0, 9001))
    assert "4000x8" in str(ephys.fetch_bin(shape=(4000, 8)))


def test_the_scales_are_those_of_the_course():
    assert 128 * 2**20 <= LAPTOP.nbytes < 129 * 2**20
    assert Recording(SHAPES["full"]).nbytes == pytest.approx(82.9e9, rel=1e-3)
    assert Recording(SHAPES["full"]).seconds == 3600
