"""The whole-organ stack is a pure function of seed and place, looks like a light-sheet stack, and has its traps."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

import data_scripts
from data_scripts import store, whole_organ
from data_scripts.whole_organ import SHAPES, Volume, write_tiff_stack, write_zarr

TINY = Volume(SHAPES["tiny"], seed=3)


def test_the_same_seed_gives_the_same_planes_and_another_seed_others():
    whole_organ.anatomy.cache_clear()
    again = Volume(SHAPES["tiny"], seed=3).plane(11)
    np.testing.assert_array_equal(again, TINY.plane(11))
    assert np.mean(Volume(SHAPES["tiny"], seed=4).plane(11) != again) > 0.9
    assert np.mean(TINY.plane(12) != again) > 0.9


def test_a_plane_alone_is_the_plane_in_sequence():
    alone = TINY.plane(7)
    assert (alone.dtype, alone.shape) == (np.dtype("uint16"), SHAPES["tiny"][1:])
    np.testing.assert_array_equal(alone, list(TINY.planes())[7])
    np.testing.assert_array_equal(alone, TINY.slab(5, 9)[2])
    assert TINY.slab(20, 99).shape == (3, 61, 53)


def test_rows_alone_are_the_rows_of_the_plane():
    large = Volume((40, 300, 200))
    plane = large.plane(21)
    for y0, y1 in ((0, 1), (63, 65), (100, 300), (299, 300)):
        np.testing.assert_array_equal(large.rows(21, y0, y1), plane[y0:y1])


def test_the_full_volume_is_reached_strip_by_strip():
    full = Volume(SHAPES["full"])
    np.testing.assert_array_equal(full.rows(1000, 1990, 2000), full.rows(1000, 1984, 2048)[6:16])
    assert full.nbytes == pytest.approx(90.5e9, rel=1e-3)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 500), (5, 7, 11)])
def test_small_and_flat_volumes_work(shape: tuple[int, int, int]):
    assert Volume(shape).slab(0, shape[0]).shape == shape


def test_what_does_not_exist_is_refused():
    with pytest.raises(IndexError, match="expected a plane and rows inside"):
        TINY.plane(23)
    with pytest.raises(IndexError):
        TINY.plane(-1)
    with pytest.raises(ValueError, match="three sizes"):
        Volume((3, 4))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed of at least 0"):
        Volume((3, 4, 5), seed=-1)
    with pytest.raises(ValueError, match="expected a scale of tiny, laptop, full"):
        whole_organ.volume(scale="huge")


def test_grey_levels_are_those_of_a_camera():
    laptop = whole_organ.volume(scale="laptop")
    plane = laptop.plane(130)
    corner = plane[:40, :40].astype(float)
    middle = plane[200:300, 200:300].astype(float)
    assert corner.mean() == pytest.approx(100, abs=1)
    assert corner.std() == pytest.approx(whole_organ.READ_NOISE_GREY, rel=0.1)
    assert 250 < np.median(middle) < 700
    neighbours = (middle[:, 1:] - middle[:, :-1]).ravel() / np.sqrt(2)
    expected = np.sqrt(whole_organ.GREY_PER_ELECTRON * (np.median(middle) - 100))
    spread = 1.4826 * np.median(np.abs(neighbours - np.median(neighbours)))  # robust against vessels and cells
    assert spread == pytest.approx(expected, rel=0.35)  # the tissue has texture of its own
    assert 1500 < laptop.slab(120, 140).max() < 10_000


def test_the_lossless_ratio_is_that_of_real_images():
    laptop = whole_organ.volume(scale="laptop")
    array = zarr.create_array(
        store=zarr.storage.MemoryStore(), shape=(48, 517, 501), chunks=(16, 128, 128), dtype="uint16"
    )
    for at, z0 in enumerate((32, 112, 192)):
        array[16 * at : 16 * at + 16] = laptop.slab(z0, z0 + 16)
    assert 1.8 < array.nbytes / array.nbytes_stored() < 2.6


def test_sorting_the_names_as_text_gives_the_wrong_order(tmp_path: Path):
    write_tiff_stack(tmp_path, TINY)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names.index("plane_10.tif") < names.index("plane_2.tif")
    natural = sorted(names, key=lambda name: int(re.findall(r"\d+", name)[0]))
    stack = np.stack([tifffile.imread(tmp_path / name) for name in natural])
    np.testing.assert_array_equal(stack, TINY.slab(0, 23))


def test_a_third_of_the_planes_is_compressed_and_cannot_be_mapped(tmp_path: Path):
    write_tiff_stack(tmp_path, TINY)
    compressed = 0
    for path in tmp_path.iterdir():
        with tifffile.TiffFile(path) as tiff:
            page = tiff.pages[0]
            if page.compression.name == "NONE":
                assert tifffile.memmap(path, mode="r").shape == (61, 53)
            else:
                compressed += 1
                with pytest.raises(ValueError, match="not memory-mappable"):
                    tifffile.memmap(path, mode="r")
    assert compressed == 8


def test_planes_can_be_renumbered_and_left_out(tmp_path: Path):
    write_tiff_stack(tmp_path, Volume((4, 9, 8)), first=9, skip={2}, names="img_{z}.ome.tif", compressed_fraction=0)
    assert {path.name for path in tmp_path.iterdir()} == {f"img_{z}.ome.tif" for z in (9, 10, 12)}
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "img_12.ome.tif"), Volume((4, 9, 8)).plane(3))
    with pytest.raises(ValueError, match=r"names with \{z\}"):
        write_tiff_stack(tmp_path, TINY, names="plane.tif")
    with pytest.raises(ValueError, match="compressed_fraction of 0 to 1"):
        write_tiff_stack(tmp_path, TINY, compressed_fraction=30)


@pytest.mark.parametrize(("chunks", "slab_bytes"), [((16, 128, 128), 2**24), ((5, 10, 7), 1)])
def test_the_zarr_array_holds_the_same_volume(
    tmp_path: Path, chunks: tuple[int, int, int], slab_bytes: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(whole_organ, "_SLAB_BYTES", slab_bytes)
    write_zarr(tmp_path / "v.zarr", TINY, chunks=chunks)
    array = zarr.open_array(tmp_path / "v.zarr", mode="r")
    assert (array.metadata.zarr_format, array.chunks, array.dtype) == (3, chunks, np.dtype("uint16"))
    assert array.attrs["voxel_size_um"] == [5.0, 2.0, 2.0]
    np.testing.assert_array_equal(array[:], TINY.slab(0, 23))


def test_fetching_gives_the_volume_with_the_same_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path))
    monkeypatch.setenv("AUTOGRADE_SCALE", "tiny")
    truth = whole_organ.volume(seed=5)
    assert truth == whole_organ.DrawnOnce((23, 61, 53), seed=5)
    np.testing.assert_array_equal(tifffile.imread(whole_organ.fetch_stack(seed=5) / "plane_4.tif"), truth.plane(4))
    np.testing.assert_array_equal(zarr.open_array(whole_organ.fetch_zarr(seed=5), mode="r")[4], truth.plane(4))
    assert "4x9x8" in str(whole_organ.fetch_stack(shape=(4, 9, 8)))


def test_a_truth_that_is_asked_for_again_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "data"))
    want = [TINY.slab(0, 23), TINY.slab(20, 99)]
    truth = whole_organ.volume(scale="tiny", seed=3)
    np.testing.assert_array_equal(truth.slab(20, 99), want[1])
    monkeypatch.setattr(Volume, "rows", lambda *_: pytest.fail("it is drawn again"))
    for again in (truth, whole_organ.volume(scale="tiny", seed=3)):
        got = again.slab(0, 23)
        assert got.dtype == np.dtype("uint16")
        assert got.flags.writeable
        np.testing.assert_array_equal(got, want[0])
        np.testing.assert_array_equal(again.slab(20, 99), want[1])
        assert again.slab(23, 30).shape == (0, 61, 53)


def test_a_truth_is_drawn_each_time_where_it_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(whole_organ, "_KEPT_BYTES", TINY.nbytes - 1)
    np.testing.assert_array_equal(whole_organ.volume(scale="tiny", seed=3).slab(4, 6), TINY.slab(4, 6))
    monkeypatch.undo()
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    np.testing.assert_array_equal(whole_organ.volume(scale="tiny", seed=3).slab(4, 6), TINY.slab(4, 6))
    assert not (tmp_path / "data").exists()


def test_what_is_kept_for_the_tests_is_shown_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path))
    whole_organ.volume(scale="tiny", seed=3).slab(0, 1)
    assert [stored.maker for stored in data_scripts.list_data()] == ["whole-organ-truth"]
    assert not any(path.is_relative_to(tmp_path) for path in store.asked_for())
