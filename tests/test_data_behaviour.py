"""The video is a pure function of seed and frame; its clips decode to nearly that, in their order, and some headers lie."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import zarr

from data_scripts import behaviour
from data_scripts.behaviour import CLIPS, SHAPES, Video, write_clip

TINY = Video(SHAPES["tiny"], seed=3)


def decoded(path: Path) -> tuple[int, np.ndarray]:
    """What the header of a clip claims, and its frames."""
    with av.open(str(path)) as container:
        claimed = container.streams.video[0].frames
        return claimed, np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])


def test_the_same_seed_gives_the_same_frames_and_another_seed_others():
    behaviour._scene.cache_clear()
    again = Video(SHAPES["tiny"], seed=3).frames(20, 30)
    np.testing.assert_array_equal(again, TINY.frames(20, 30))
    assert np.mean(Video(SHAPES["tiny"], seed=4).frames(20, 30) != again) > 0.7


def test_frames_alone_are_the_frames_in_sequence():
    whole = TINY.frames(0, 75)
    assert (whole.dtype, whole.shape) == (np.dtype("uint8"), (75, 48, 64))
    for t0, t1 in ((5, 9), (15, 17), (0, 1), (30, 75), (74, 75)):
        np.testing.assert_array_equal(TINY.frames(t0, t1), whole[t0:t1])
    assert TINY.frames(73, 99).shape == (2, 48, 64)
    assert TINY.frames(80, 90).shape == (0, 48, 64)
    with pytest.raises(IndexError, match="start at 0"):
        TINY.frames(-1, 4)


def test_what_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="three sizes"):
        Video((30, 40))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 11 frames and even y and x"):
        Video((10, 40, 40))
    with pytest.raises(ValueError, match="even y and x"):
        Video((30, 41, 40))
    with pytest.raises(ValueError, match="seed of at least 0"):
        Video((30, 40, 40), seed=-1)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_animal_walks_inside_the_arena_and_does_not_jump(seed: int):
    truth = Video((3000, 240, 320), seed=seed).truth
    y, x, radius = truth.arena_px
    away = np.hypot(*(truth.positions_px - (y, x)).T)
    step = np.hypot(*np.diff(truth.positions_px, axis=0).T)
    assert away.max() < 0.85 * radius
    assert away.std() > 0.1 * radius
    assert 1 < step.max() < 0.05 * radius
    assert np.mean(step < 0.3) > 0.1  # it rests too
    assert (truth.headings_rad.shape, truth.background.shape, truth.light.shape) == ((3000,), (240, 320), (3000,))


def test_the_animal_is_dark_and_where_the_truth_says():
    video = Video((400, 120, 160), seed=2)
    truth = video.truth
    for frame in range(0, 400, 50):
        dark = truth.background * truth.light[frame] - video.frames(frame, frame + 1)[0] > 50
        centre = np.argwhere(dark).mean(axis=0)
        assert np.hypot(*(centre - truth.positions_px[frame])) < 3  # head and tail pull the centre a little
    assert np.ptp(truth.light) > 0.05


@pytest.mark.parametrize("count", [11, 12, 14, 30, 75, 1753])
def test_the_recording_is_cut_into_eleven_clips_two_of_which_lie(count: int):
    for seed in range(20):
        truth = Video((count, 8, 8), seed=seed).truth
        assert len(truth.clip_frames) == CLIPS
        assert min(truth.clip_frames) >= 1
        assert sum(truth.clip_frames) == count
        assert max(truth.clip_frames) > 0.6 * count or count < 40
        differ = np.subtract(truth.claimed_frames, truth.clip_frames)
        assert (np.sum(differ > 0), np.sum(differ < 0)) == (1, 1)
        assert min(truth.claimed_frames) >= 0


def test_clips_decode_to_the_video_and_headers_say_what_they_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path))
    video = Video((90, 120, 160), seed=6)
    truth = video.truth
    folder = behaviour.fetch_clips(shape=(90, 120, 160), seed=6)
    assert sorted(path.name for path in folder.iterdir())[:3] == ["clip_1.avi", "clip_10.avi", "clip_11.avi"]
    start = 0
    for number, (count, claimed) in enumerate(zip(truth.clip_frames, truth.claimed_frames, strict=True), start=1):
        said, frames = decoded(folder / f"clip_{number}.avi")
        assert (said, frames.shape) == (claimed, (count, 120, 160))
        wanted = video.frames(start, start + count).astype(int)
        error = np.abs(frames - wanted)
        assert error.mean() < 2 * behaviour.NOISE_GREY
        assert abs((frames - wanted).mean()) < 1
        start += count


def test_the_codec_makes_clips_small(tmp_path: Path):
    video = Video((64, 240, 320))
    write_clip(tmp_path / "clip.avi", iter(video.frames(0, 64)))
    assert (tmp_path / "clip.avi").stat().st_size < video.nbytes / 15


def test_a_clip_says_any_number_of_frames_and_the_same_frames_give_the_same_file(tmp_path: Path):
    frames = TINY.frames(0, 9)
    for name, claimed in (("a", None), ("b", None), ("more", 40), ("none", 0)):
        write_clip(tmp_path / f"{name}.avi", frames, claimed=claimed)
        said, got = decoded(tmp_path / f"{name}.avi")
        assert (said, len(got)) == (9 if claimed is None else claimed, 9)
    write_clip(tmp_path / "fast.avi", frames, rate_hz=60)
    with av.open(str(tmp_path / "fast.avi")) as container:
        assert container.streams.video[0].average_rate == 60
    assert (tmp_path / "a.avi").read_bytes() == (tmp_path / "b.avi").read_bytes()
    with pytest.raises(ValueError, match="at least one frame"):
        write_clip(tmp_path / "empty.avi", [])


def test_the_array_holds_the_frames_before_compression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path))
    array = zarr.open_array(behaviour.fetch_zarr(scale="tiny", seed=3), mode="r")
    assert (array.metadata.zarr_format, array.chunks, array.dtype) == (3, (16, 48, 64), np.dtype("uint8"))
    assert array.attrs["frame_rate_hz"] == 25
    np.testing.assert_array_equal(array[:], TINY.frames(0, 75))


def test_the_scales_are_those_of_the_course():
    assert 128 * 2**20 <= behaviour.video(scale="laptop").nbytes < 129 * 2**20
    assert behaviour.chunks_of(SHAPES["laptop"]) == (16, 240, 320)
