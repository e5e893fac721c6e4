"""The two-photon movie is a pure function of seed and frame, and its statistics are those that it promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr

from data_scripts import two_photon
from data_scripts.two_photon import SHAPES, Movie

TINY = Movie(SHAPES["tiny"], seed=3)


def test_the_same_seed_gives_the_same_frames_and_another_seed_others():
    two_photon._scene.cache_clear()
    again = Movie(SHAPES["tiny"], seed=3).frames(20, 30)
    np.testing.assert_array_equal(again, TINY.frames(20, 30))
    assert np.mean(Movie(SHAPES["tiny"], seed=4).frames(20, 30) != again) > 0.9


def test_frames_alone_are_the_frames_in_sequence():
    whole = TINY.frames(0, 60)
    assert (whole.dtype, whole.shape) == (np.dtype("uint16"), (60, 48, 50))
    for t0, t1 in ((5, 9), (15, 17), (0, 1), (30, 60), (59, 60)):
        np.testing.assert_array_equal(TINY.frames(t0, t1), whole[t0:t1])
    assert TINY.frames(58, 99).shape == (2, 48, 50)
    assert TINY.frames(70, 80).shape == (0, 48, 50)
    with pytest.raises(IndexError, match="start at 0"):
        TINY.frames(-1, 4)


def test_the_gain_follows_from_variance_against_mean():
    movie = Movie((400, 80, 80), seed=8)
    truth = movie.truth
    frames = movie.frames(0, 400).astype(np.float64)
    still = np.all(truth.shifts_px[1:] == truth.shifts_px[:-1], axis=1)
    variance = (np.diff(frames, axis=0)[still] ** 2).mean(axis=0) / 2  # of neighbours in time: activity hardly counts
    gain, offset = np.polyfit(frames.mean(axis=0).ravel(), variance.ravel(), 1)
    assert gain == pytest.approx(truth.gain_grey_per_photon, rel=0.1)
    dark = (truth.read_noise_grey**2 - offset) / gain
    assert dark == pytest.approx(truth.dark_grey, abs=25)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_truth_lies_in_the_promised_ranges(seed: int):
    truth = Movie((1024, 128, 128), seed=seed).truth
    count = len(truth.positions_px)
    assert count >= 10
    assert 127 <= truth.gain_grey_per_photon <= 148
    assert 157 <= truth.dark_grey <= 225
    assert truth.traces.shape == (1024, count)
    assert np.all((truth.rise_seconds >= 0.05) & (truth.rise_seconds <= 0.15))
    assert 1 <= np.abs(truth.shifts_px).max() <= 2
    assert 0.85 < truth.bleaching[-1] < truth.bleaching[0] == 1
    rate = sum(len(times) for times in truth.event_seconds) / count / (1024 / 30 + 10)
    assert rate == pytest.approx(0.5, rel=0.2)
    assert len(truth.event_seconds) == count


def test_a_trace_rises_after_its_event_and_decays_in_a_second():
    truth = Movie((3000, 64, 64), seed=1).truth
    for neuron, times in enumerate(truth.event_seconds):
        assert np.all(np.diff(times) > 0)
        alone = [at for at, gap in zip(times, np.diff(times), strict=False) if gap > 3 and at > 0]
        for at in alone:
            frame = int(at * 30) + 30  # a second later it only decays
            ratio = truth.traces[frame + 30, neuron] / truth.traces[frame, neuron]
            assert ratio == pytest.approx(np.exp(-1), rel=0.02)


def test_the_picture_shows_neurons_where_the_truth_says():
    movie = Movie((480, 96, 96), seed=2)
    truth = movie.truth
    aligned = np.zeros((96, 96))
    for t0 in range(0, 480, 16):
        for frame, shift in zip(movie.frames(t0, t0 + 16), truth.shifts_px[t0 : t0 + 16], strict=True):
            aligned += np.roll(frame, tuple(-shift), axis=(0, 1)) / 480
    y, x = np.rint(truth.positions_px[np.argmax(truth.brightness_photons)]).astype(int)
    there = aligned[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].mean()
    assert there > np.median(aligned) + 1.5 * truth.gain_grey_per_photon


def test_the_array_holds_the_movie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path))
    array = zarr.open_array(two_photon.fetch(scale="tiny", seed=3), mode="r")
    assert (array.metadata.zarr_format, array.chunks, array.dtype) == (3, (16, 48, 50), np.dtype("uint16"))
    np.testing.assert_array_equal(array[:], TINY.frames(0, 60))
    assert "40x20x300" in str(two_photon.fetch(shape=(40, 20, 300)))


def test_the_scales_are_those_of_the_course():
    assert two_photon.movie(scale="laptop").nbytes == 128 * 2**20
    assert two_photon.chunks_of(SHAPES["laptop"]) == two_photon.chunks_of(SHAPES["full"]) == (16, 256, 256)
