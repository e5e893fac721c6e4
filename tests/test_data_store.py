"""Data sets are made once, whole or not at all, and damage is noticed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

import data_scripts
from data_scripts import settings, store, two_photon, whole_organ
from data_scripts.store import DiskTooSmall

SHAPE = (23, 61, 53)
REPOSITORY = Path(data_scripts.__file__).parents[1]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh data home; nothing of the real environment is seen."""
    for name in ("AUTOGRADE_SCALE", "AUTOGRADE_SEED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "home"))
    return tmp_path / "home"


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, data_scripts; print({'zarr', 'dask', 'tifffile', 'av', 'rich', 'click'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_every_registered_data_set_can_be_fetched(home: Path):
    for data_set in data_scripts.DATA_SETS.values():
        assert data_set.fetch(scale="tiny").exists()
        assert data_set.command().name == data_set.name
    made = {stored.maker for stored in data_scripts.list_data()}
    assert made == {"whole-organ-tiff", "two-photon", "ephys-bin", "behaviour-avi", "labels-dense"}


# settings


def test_the_data_home_is_the_variable_then_the_course_then_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    course = tmp_path / "course"
    inside = course / "source" / "1-zarr"
    inside.mkdir(parents=True)
    (course / "nbgrader_config.py").touch()
    monkeypatch.delenv("AUTOGRADE_DATA", raising=False)
    monkeypatch.chdir(inside)
    assert settings.data_home() == course / "data"
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "elsewhere"))
    assert settings.data_home() == tmp_path / "elsewhere"
    monkeypatch.delenv("AUTOGRADE_DATA")
    monkeypatch.chdir(tmp_path)
    assert settings.data_home().parts[-2:] == ("autograde", "data")


def test_a_maker_resolves_scale_and_shape_in_one_place(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTOGRADE_SCALE", "tiny")
    shapes = {"tiny": (1,), "laptop": (2,), "full": (3,)}
    assert settings.pick_size(shapes, scale=None, shape=None) == ((1,), "tiny")
    assert settings.pick_size(shapes, scale="full", shape=None) == ((3,), "full")
    assert settings.pick_size(shapes, scale="full", shape=(9,)) == ((9,), None)
    with pytest.raises(ValueError, match="expected a scale of tiny, laptop, full"):
        settings.pick_size(shapes, scale="huge", shape=None)


def test_the_scale_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AUTOGRADE_SCALE", raising=False)
    assert settings.current_scale() == "laptop"
    monkeypatch.setenv("AUTOGRADE_SCALE", "tiny")
    assert settings.current_scale() == "tiny"
    monkeypatch.setenv("AUTOGRADE_SCALE", "huge")
    with pytest.raises(ValueError, match=r"AUTOGRADE_SCALE: expected a scale of tiny, laptop, full, got 'huge'"):
        settings.current_scale()


def test_the_hidden_seed_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AUTOGRADE_SEED", raising=False)
    assert settings.hidden_seed() == settings.DEFAULT_HIDDEN_SEED
    monkeypatch.setenv("AUTOGRADE_SEED", "17")
    assert settings.hidden_seed() == 17
    for wrong in ("seventeen", "-1"):
        monkeypatch.setenv("AUTOGRADE_SEED", wrong)
        with pytest.raises(ValueError, match=f"whole number of at least 0, got '{wrong}'"):
            settings.hidden_seed()


# making


def test_data_is_made_once_and_then_found(home: Path, capfd: pytest.CaptureFixture[str]):
    first = whole_organ.fetch_stack(shape=SHAPE)
    told = capfd.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()] == ["Making", "Made"]
    assert told.err == ""
    assert whole_organ.fetch_stack(shape=SHAPE) == first
    assert capfd.readouterr().out == ""


def test_nothing_is_left_beside_the_data(home: Path):
    folder = whole_organ.fetch_stack(shape=SHAPE).parent
    assert names(home) == {folder.name}
    assert names(folder) == {"manifest.json", "planes"}


def test_the_bar_is_drawn_on_stdout(home: Path, capfd: pytest.CaptureFixture[str]):
    recipe = whole_organ._STACK.recipe(None, shape=SHAPE)
    store.make(recipe, show_progress=True)
    told = capfd.readouterr()
    assert "23/23" in told.out
    assert told.err == ""


def test_the_manifest_hash_is_that_of_sha256sum(home: Path):
    folder = whole_organ.fetch_zarr(shape=SHAPE, chunks=(8, 32, 32)).parent
    manifest = store.read_manifest(folder)
    assert manifest is not None
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json")
    assert [path.relative_to(folder).as_posix() for path in files] == sorted(manifest["files"])
    assert store.verify(folder) == ()
    assert manifest["bytes"] == sum(path.stat().st_size for path in files)


def test_a_flipped_byte_is_found_by_the_hash_check(home: Path):
    plane = whole_organ.fetch_stack(shape=SHAPE) / "plane_7.tif"
    data = bytearray(plane.read_bytes())
    data[-1] ^= 1
    plane.write_bytes(data)
    assert store.verify(plane.parents[1]) == ("planes/plane_7.tif",)


@pytest.mark.parametrize("damage", ["truncated", "missing", "no manifest", "manifest cut"])
def test_damage_is_noticed_and_the_data_made_again(home: Path, damage: str):
    planes = whole_organ.fetch_stack(shape=SHAPE)
    whole = (planes / "plane_7.tif").read_bytes()
    manifest = planes.parent / "manifest.json"
    match damage:
        case "truncated":
            (planes / "plane_7.tif").write_bytes(whole[:-1])
        case "missing":
            (planes / "plane_7.tif").unlink()
        case "no manifest":
            manifest.unlink()
        case "manifest cut":
            manifest.write_text(manifest.read_text()[:200])
    assert whole_organ.fetch_stack(shape=SHAPE) == planes
    assert (planes / "plane_7.tif").read_bytes() == whole
    assert store.verify(planes.parent) == ()


def test_data_of_an_older_generator_is_not_taken(home: Path, monkeypatch: pytest.MonkeyPatch):
    old = whole_organ.fetch_stack(shape=SHAPE)
    monkeypatch.setattr(whole_organ, "_STACK", replace(whole_organ._STACK, version=whole_organ.GENERATOR_VERSION + 1))
    assert whole_organ.fetch_stack(shape=SHAPE) != old


def test_a_small_disk_is_said_before_anything_is_written(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(total=2**40, used=2**40, free=3 * 2**30))
    with pytest.raises(DiskTooSmall, match=r"84.3 GiB.* 3 GiB are free.*AUTOGRADE_DATA.*--scale.*--remove") as caught:
        whole_organ.fetch_stack(scale="full")
    assert caught.value.needed_bytes >= 2 * 2090 * 3922 * 5521
    assert not home.exists()


def test_a_disk_that_fills_up_meanwhile_is_the_same_error(home: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole_organ.Volume, "rows", full)
    with pytest.raises(DiskTooSmall):
        whole_organ.fetch_stack(shape=SHAPE)
    assert names(home) == set()


def test_ctrl_c_leaves_nothing_and_the_next_call_succeeds(home: Path):
    rows = whole_organ.Volume.rows

    def interrupted(self: whole_organ.Volume, z: int, y0: int, y1: int):  # type: ignore[no-untyped-def]
        if z == 12:
            raise KeyboardInterrupt
        return rows(self, z, y0, y1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(whole_organ.Volume, "rows", interrupted)
        with pytest.raises(KeyboardInterrupt):
            whole_organ.fetch_stack(shape=SHAPE)
    assert names(home) == set()
    assert len(names(whole_organ.fetch_stack(shape=SHAPE))) == SHAPE[0]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_what_a_killed_maker_left_is_cleaned_up(home: Path):
    shape = (400, 256, 256)
    code = f"from data_scripts import whole_organ; whole_organ.fetch_stack(shape={shape})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) as maker:
        deadline = time.monotonic() + 20
        while not any(home.glob("*.partial-*/planes/plane_3.tif")) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(maker.pid, signal.SIGKILL)
    assert any(home.glob("*.partial-*"))
    folder = whole_organ.fetch_stack(shape=SHAPE).parent  # another data set cleans up too
    assert {name for name in names(home) if not name.startswith(".")} == {folder.name}


def test_processes_that_ask_at_once_make_it_once(home: Path):
    shape = (80, 200, 200)
    code = f"from data_scripts import whole_organ; print('at', whole_organ.fetch_stack(shape={shape}))"
    askers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = [asker.communicate(timeout=60)[0] for asker in askers]
    assert [asker.returncode for asker in askers] == [0, 0, 0]
    assert sum("Making" in text for text in told) == 1
    assert len({text.splitlines()[-1] for text in told}) == 1


# listing and removing


def test_fresh_seeds_do_not_pile_up(home: Path):
    shape = (2, 8, 8)
    fetch = whole_organ.fetch_stack
    kept = [fetch(shape=shape).parent, fetch(shape=shape, seed=settings.DEFAULT_HIDDEN_SEED).parent]
    fresh = [fetch(shape=shape, seed=seed).parent for seed in range(101, 109)]
    assert all(folder.exists() for folder in fresh)  # young ones may be in use
    for age, folder in enumerate([*kept, *fresh]):
        old = time.time() - 9000 + 60 * age
        os.utime(folder / "manifest.json", (old, old))
    newest = fetch(shape=shape, seed=999).parent
    assert names(home) == {*(folder.name for folder in kept), "hidden"}
    assert names(home / "hidden") == {folder.name for folder in (*fresh[-3:], newest)}


def test_the_name_of_a_folder_does_not_tell_a_fresh_seed(home: Path):
    path = whole_organ.fetch_stack(shape=(2, 8, 8), seed=4711)
    assert path.parent.parent == home / "hidden"
    assert "4711" not in path.parent.name
    assert path.parent in store.asked_for()
    assert [stored.seed for stored in data_scripts.list_data()] == [4711]


def test_what_cannot_be_written_to_the_data_folder_is_made_among_the_temporary_files(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    there = whole_organ.fetch_stack(shape=(2, 8, 8))
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(store.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    assert whole_organ.fetch_stack(shape=(2, 8, 8)) == there
    assert whole_organ.fetch_stack(shape=(3, 8, 8)).is_relative_to(tmp_path / "tmp" / "autograde-data")


def test_data_in_a_read_only_place_is_found(home: Path, monkeypatch: pytest.MonkeyPatch):
    planes = whole_organ.fetch_stack(shape=SHAPE)

    def refuse(*_args: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)
    monkeypatch.setattr(os, "open", refuse)
    assert whole_organ.fetch_stack(shape=SHAPE) == planes


def test_listed_data_can_be_removed(home: Path):
    assert data_scripts.list_data() == ()
    folder = two_photon.fetch(scale="tiny").parent
    (stored,) = data_scripts.list_data()
    assert (stored.name, stored.path, stored.seed) == (folder.name, folder, 0)
    assert data_scripts.remove_data(folder) == stored.size_bytes > 0
    assert names(home) == set()
    assert data_scripts.remove_data(folder) == 0


def test_a_folder_that_is_not_a_data_set_is_never_removed(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="found something else"):
        store.remove_data(tmp_path)
    recipe = whole_organ._STACK.recipe(None, shape=SHAPE)
    with pytest.raises(FileExistsError, match="found other files"):
        store.make(recipe, folder=tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


# command line


@pytest.mark.parametrize("command", [each.command() for each in data_scripts.DATA_SETS.values()], ids=str)
def test_the_command_makes_checks_and_removes(command, tmp_path: Path):  # type: ignore[no-untyped-def]
    out = tmp_path / "data"
    options = ["--scale", "tiny", "--out", str(out)]
    run = CliRunner().invoke
    made = run(command, options)
    assert made.exit_code == 0, made.output
    assert f"Ready: {out}" in made.output
    assert run(command, [*options, "--check"]).exit_code == 0
    assert run(command, [*options, "--seed", "1"]).exit_code == 2  # holds another data set
    damaged = max((path for path in out.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    checked = run(command, [*options, "--check"])
    assert checked.exit_code == 1
    assert f"Missing or changed: {damaged.relative_to(out).as_posix()}" in checked.output
    assert run(command, [*options, "--remove"]).exit_code == 0
    assert names(tmp_path) == set()
    assert run(command, [*options, "--check"]).exit_code == 2


def test_the_command_says_when_the_disk_is_too_small(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(total=1, used=1, free=0))
    result = CliRunner().invoke(whole_organ.main, ["--scale", "tiny"])
    assert result.exit_code == 2
    assert "Error: this data set needs up to" in result.output


@pytest.mark.parametrize("how", [["data_scripts/whole_organ.py"], ["-m", "data_scripts.whole_organ"]])
def test_the_maker_runs_as_a_script(how: list[str], tmp_path: Path):
    command = [sys.executable, *how, "--scale", "tiny", "--out", str(tmp_path / "brain")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(names(tmp_path / "brain" / "planes")) == 23
