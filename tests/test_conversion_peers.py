"""The benchmark of conversions: what it says of an image is true, and a peer that fails is a row. On a tiny stack."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from data_scripts.whole_organ import VOXEL_SIZE_UM, Volume, write_tiff_stack

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
import conversion
import conversion_check
import conversion_peers

SHAPE = (19, 37, 41)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    write_tiff_stack(folder, Volume(SHAPE, seed=3))
    return folder


def one_round(tools, stack, tmp_path):
    """Seen by tool, with what was told; nothing is installed."""
    scratch, lines = tmp_path / "scratch", []
    scratch.mkdir()
    options = {"rounds": 1, "scratch": scratch, "cache": tmp_path / "none", "voxel": VOXEL_SIZE_UM, "install": False}
    return conversion.measure(tools, stack, **options, told=lines.append), lines


@pytest.fixture
def converted(stack, tmp_path):
    """The planes as the benchmark links them, and the image that the reference makes of them."""
    planes, out = conversion.prepare(stack, tmp_path), tmp_path / "image.zarr"
    conversion.convert("reference", Path(sys.executable), planes, out)
    return planes, out


def test_ours_and_the_installed_peers_are_measured_and_a_peer_that_is_not_there_is_a_row(stack, tmp_path):
    seen, lines = one_round(["reference", "ome-zarr", "ngff-zarr"], stack, tmp_path)
    ours, theirs, absent = seen.values()
    assert ours.right == {
        "chunks": "16 x 128 x 128",
        "level 0": "equal to the planes",
        "level 1": "block means",
        "faults": "none",
    }
    assert theirs.right["level 0"] == "equal to the planes"
    assert theirs.right["level 1"] == "block means, cut off, odd edges left out"
    assert 16 * 2**20 < max(ours.peak_bytes) < max(theirs.peak_bytes)  # Python and zarr are more than 16 MiB
    assert (
        ours.files == 4 * 2 + 1 + 1
    )  # small levels: metadata and a chunk each, level 0 has two; metadata of the group
    assert len(lines) == 2
    assert (absent.failed, absent.wall_seconds) == ("not installed", [])
    rows = list(conversion.table(seen))
    assert rows[-1].startswith("| ngff-zarr | not installed | - |")
    assert {row.count("|") for row in rows} == {12}


def test_a_peer_that_fails_is_a_row_with_its_last_words(stack, tmp_path, monkeypatch):
    monkeypatch.setitem(conversion.NEEDS, "bioio-ome-zarr", None)  # in this environment, which has none
    monkeypatch.setattr(conversion, "version_of", lambda tool, python: "0")
    seen, lines = one_round(["bioio-ome-zarr"], stack, tmp_path)
    assert seen["bioio-ome-zarr"].failed == ("exit code 1: ModuleNotFoundError: No module named 'bioio_ome_zarr'")
    assert lines == [f"round 1 bioio-ome-zarr: {seen['bioio-ome-zarr'].failed}"]


def test_an_environment_that_cannot_be_made_says_why(tmp_path, monkeypatch):
    def run(command, **_):
        return subprocess.CompletedProcess(
            command, 1, "", "warning\nERROR: No matching distribution found for ngff-zarr\n"
        )

    monkeypatch.setattr(conversion.subprocess, "run", run)
    with pytest.raises(
        conversion.Unusable, match=r"^cannot be installed: ERROR: No matching distribution found for ngff-zarr$"
    ):
        conversion.interpreter("ngff-zarr", cache=tmp_path)


def test_an_image_that_cannot_be_read_is_a_fault(tmp_path):
    found = conversion.looked_at(tmp_path / "none", tmp_path, VOXEL_SIZE_UM)
    assert found["faults"].startswith("cannot be read: ")


def test_a_voxel_that_differs_is_found(converted):
    planes, out = converted
    array = zarr.open_array(out / "0", mode="r+")
    array[18, 36, 40] += 1
    assert conversion_check.examine(out, planes, VOXEL_SIZE_UM)["level 0"] == "differs from the planes from 16 on"


def test_wrong_metadata_is_found(converted):
    planes, out = converted
    group = zarr.open_group(out, mode="r+")
    ome = group.attrs["ome"]
    ome["multiscales"][0]["datasets"][1]["coordinateTransformations"][0]["scale"] = [10.0, 4.0, 5.0]
    group.attrs["ome"] = ome
    assert conversion_check.examine(out, planes, VOXEL_SIZE_UM)["faults"] == "scale, translation"
    assert (
        conversion_check.examine(out, planes, (1.0, 2.0, 2.0))["faults"]
        == "scale, translation, voxel size [5.0, 2.0, 2.0]"
    )


def test_axes_in_another_order_are_turned_before_voxels_are_compared(stack, tmp_path):
    planes, out = conversion.prepare(stack, tmp_path), tmp_path / "image.zarr"
    values = np.stack([tifffile.imread(path) for path in sorted(planes.iterdir())]).T
    group = zarr.create_group(out)
    datasets = []
    for level in range(4):
        array = group.create_array(str(level), shape=values.shape, dtype="uint16", dimension_names=("x", "y", "z"))
        array[:] = values
        values = values[::2, ::2, ::2]
        scale = [2.0 * 2**level, 2.0 * 2**level, 5.0 * 2**level]
        shift = [(s - first) / 2 for s, first in zip(scale, (2.0, 2.0, 5.0), strict=True)]
        steps = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": shift}]
        datasets.append({"path": str(level), "coordinateTransformations": steps})
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "xyz"]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}
    found = conversion_check.examine(out, planes, VOXEL_SIZE_UM)
    assert (found["level 0"], found["level 1"]) == ("equal to the planes", "one voxel of each block")
    assert found["faults"] == "axes"


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (lambda mean, fine: np.rint(mean), "block means"),
        (lambda mean, fine: np.floor(mean), "block means, cut off"),
        (lambda mean, fine: np.floor(mean + 0.5), "block means, within 1"),  # halves up
        (lambda mean, fine: fine[1::2, ::2, 1::2], "one voxel of each block"),
        (lambda mean, fine: mean[:, :-1], "of another size"),
        (lambda mean, fine: 0 * mean, "other: 0% within 1 of the block mean, 0% one voxel of the block"),
    ],
)
def test_how_a_level_was_made_is_measured(level, words):
    fine = np.random.default_rng(0).integers(10, 2000, (4, 6, 8)).astype("uint16")
    mean = fine.reshape(2, 2, 3, 2, 4, 2).mean(axis=(1, 3, 5))
    assert conversion_check.described(conversion_check.compare(level(mean, fine), fine)) == words


def test_every_tool_says_what_it_needs():
    assert set(conversion.NEEDS) == set(conversion_peers.TOOLS)
    assert tuple(conversion_peers.VOXEL.values()) == VOXEL_SIZE_UM
