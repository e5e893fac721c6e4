"""Label volumes are a pure function of seed and place, and compress as real segmentations do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import zarr
from scipy import ndimage

from data_scripts import labels
from data_scripts.labels import SHAPES, Labels

SHAPE = (70, 130, 150)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_the_same_seed_gives_the_same_labels_and_another_seed_others(kind: labels.Kind):
    labels._random.cache_clear()
    first = Labels(SHAPE, 3, kind).slab(0, 70)
    np.testing.assert_array_equal(Labels(SHAPE, 3, kind).slab(0, 70), first)
    assert np.any(Labels(SHAPE, 4, kind).slab(0, 70) != first)
    assert (first.shape, first.dtype.name) == (SHAPE, "uint32" if kind == "dense" else "uint16")


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_a_box_alone_is_the_box_of_the_whole(kind: labels.Kind):
    source = Labels(SHAPE, 3, kind)
    whole = source.slab(0, 70)
    for start, stop in (((0, 0, 0), (1, 1, 1)), ((5, 31, 33), (40, 90, 149)), ((69, 129, 149), (99, 999, 999))):
        where = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        np.testing.assert_array_equal(source.box(start, stop), whole[where])
    assert source.slab(70, 80).shape == (0, 130, 150)
    with pytest.raises(IndexError, match="start at 0"):
        source.slab(-1, 4)


def test_dense_labels_fill_the_space_with_cells():
    whole = Labels(SHAPE, 1).slab(0, 70)
    assert whole.min() >= 1
    sizes = np.unique(whole, return_counts=True)[1]
    assert 40 < len(sizes) < 200
    assert np.median(sizes) ** (1 / 3) == pytest.approx(labels.DENSE_CELL, rel=0.4)
    inner = whole[20:50, 40:90, 40:110]
    for label in np.unique(inner)[:10]:
        assert ndimage.label(whole == label)[1] == 1  # each cell is one piece


def test_sparse_labels_are_balls_in_an_empty_space():
    whole = Labels((192, 240, 240), 1, "sparse").slab(0, 192)
    found = np.unique(whole)[1:]
    assert len(found) == pytest.approx(labels.SPARSE_SHARE * 4 * 5 * 5, rel=0.5)
    assert np.mean(whole > 0) < 0.002
    assert ndimage.label(whole > 0)[1] == len(found)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 500), (5, 7, 11)])
def test_small_and_flat_volumes_work(shape: tuple[int, int, int]):
    assert Labels(shape).slab(0, shape[0]).min() >= 1
    assert Labels(shape, kind="sparse").slab(0, shape[0]).shape == shape


def test_what_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="dense or sparse"):
        Labels(SHAPE, kind="both")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="three sizes"):
        Labels((3, 4))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed of at least 0"):
        Labels(SHAPE, seed=-1)


def test_the_ratios_are_those_of_real_segmentations(tmp_path: Path):
    for kind, least, most in (("dense", 45, 80), ("sparse", 2000, 20_000)):
        source = Labels((192, 256, 256), 0, kind)  # type: ignore[arg-type]
        labels.write_zarr(tmp_path / kind, source)
        array = zarr.open_array(tmp_path / kind, mode="r")
        assert least < source.nbytes / array.nbytes_stored() < most


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_the_array_holds_the_labels(kind: labels.Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path))
    fetch = labels.fetch_dense if kind == "dense" else labels.fetch_sparse
    array = zarr.open_array(fetch(shape=SHAPE, seed=3), mode="r")
    assert (array.metadata.zarr_format, array.chunks) == (3, (64, 64, 64))
    np.testing.assert_array_equal(array[:], Labels(SHAPE, 3, kind).slab(0, 70))


def test_the_scales_are_those_of_the_course():
    assert 128 * 2**20 <= labels.labels(scale="laptop").nbytes < 129 * 2**20
    assert labels.labels(scale="tiny", kind="sparse").shape == SHAPES["tiny"]
