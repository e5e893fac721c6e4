"""Folders that a submission has filled: whatever is in them, looking ends with a clean word, and all can be taken away."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograde import wire
from autograde.bubblewrap import hand_over
from autograde.folders import _TOPDIR, DEEPEST, TooDeep, _flags, _opened, entries, remove_tree, scratch_folder, spread
from autograde.wire import BadTree, check_zarr_tree

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are those of Unix")

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 30
)
KINDS = st.sampled_from(["file", "folder", "link", "link to a folder", "dangling link", "pipe", "socket", "metadata"])
TREES = st.lists(st.tuples(st.lists(NAMES, max_size=3), NAMES, KINDS), max_size=8)


def make(root: Path, rows) -> list[Path]:
    """Fill `root`; what has been made that may not be opened."""
    bad = []
    for folders, name, kind in rows:
        place = root.joinpath(*folders)
        try:
            place.mkdir(parents=True, exist_ok=True)
            if any(
                parent.is_symlink() for parent in (place, *place.parents) if parent != root and root in parent.parents
            ):
                continue
            path = place / name
            match kind:
                case "file":
                    path.open("x").close()
                case "folder":
                    path.mkdir()
                case "link":
                    path.symlink_to("/etc/passwd")
                case "link to a folder":
                    path.symlink_to("/")
                case "dangling link":
                    path.symlink_to("nowhere")
                case "pipe":
                    os.mkfifo(path)
                case "socket":
                    with socket.socket(socket.AF_UNIX) as one:
                        here = os.getcwd()  # noqa: PTH109 - names of sockets are short
                        os.chdir(place)
                        try:
                            one.bind(f"./{name}")
                        finally:
                            os.chdir(here)
                case _:
                    (place / "zarr.json").open("x").close()
                    bad.append(place / "zarr.json")
        except OSError:  # the name is there already, or a file stands in the way
            continue
        if kind not in ("file", "folder", "metadata"):
            bad.append(path)
    return bad


def _refused(root: Path) -> Path | None:
    """What has to go before `root` can be opened."""
    try:
        check_zarr_tree(root)
    except BadTree as error:
        return error.path
    return None


@settings(max_examples=60)
@given(TREES)
def test_what_may_not_be_opened_is_refused_one_by_one_and_the_rest_stays(tmp_path_factory, rows):
    root = tmp_path_factory.mktemp("exchange")
    bad = make(root, rows)
    kept = {path for path in root.rglob("*") if path.is_file() and not path.is_symlink() and path not in bad}
    refused: list[Path] = []
    while (path := _refused(root)) is not None and len(refused) <= len(bad):
        refused.append(path)
        path.unlink()
    assert set(refused) == set(bad)
    assert {path for path in root.rglob("*") if path.is_file()} == kept
    remove_tree(root)
    assert not root.exists()


@pytest.fixture
def deep(tmp_path):
    """A folder with three thousand folders within folders, and a file beside them."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "beside").touch()
    at = os.open(tmp_path / "root", os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=at)
        below = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    yield tmp_path / "root"
    remove_tree(tmp_path / "root")


def test_folders_within_folders_without_end_are_refused_and_taken_away(deep):
    with pytest.raises(TooDeep, match=f"more than {DEEPEST} of them"):
        list(entries(deep))
    assert "beside" in [entry.name for _, entry in entries(deep, skip_deep=True)]
    with pytest.raises(BadTree, match=f"d has more than {DEEPEST} folders within folders") as caught:
        check_zarr_tree(deep)
    assert caught.value.path == deep / "d"
    hand_over(deep)
    remove_tree(caught.value.path)
    check_zarr_tree(deep)
    assert os.listdir(deep) == ["beside"]


def test_long_names_reach_the_end_of_a_path_before_they_are_deep(tmp_path):
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("n" * 250, dir_fd=at)
        below = os.open("n" * 250, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(at)
    with pytest.raises(BadTree, match="folders within folders"):
        check_zarr_tree(tmp_path)
    remove_tree(tmp_path / ("n" * 250))
    assert os.listdir(tmp_path) == []


def test_more_files_than_anybody_needs_are_refused_where_they_lie(tmp_path, monkeypatch):
    monkeypatch.setattr(wire, "_MAX_FILES", 50)
    (tmp_path / "a.zarr" / "c").mkdir(parents=True)
    for number in range(60):
        (tmp_path / "a.zarr" / "c" / str(number)).touch()
    with pytest.raises(BadTree, match="more than 50 files were written; use larger chunks or shards") as caught:
        check_zarr_tree(tmp_path)
    assert caught.value.path == tmp_path / "a.zarr"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root makes device files")
def test_a_device_file_is_refused_unopened(tmp_path):
    os.mknod(tmp_path / "zarr.json", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    with pytest.raises(BadTree, match=r"zarr\.json is not a regular file"):
        check_zarr_tree(tmp_path)


def test_a_folder_that_cannot_be_read_is_refused(tmp_path, monkeypatch):
    """As whoever is not root finds it; root reads everything."""
    (tmp_path / "closed" / "in").mkdir(parents=True)
    open_ = os.open

    def refuse(path, *rest, **more):
        if str(path).endswith("in"):
            raise PermissionError(13, "Permission denied", str(path))
        return open_(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BadTree, match="closed cannot be read: its permissions forbid it"):
        check_zarr_tree(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_a_folder_without_permissions_is_taken_away(tmp_path):
    with scratch_folder("autograde-test-") as folder:
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "b" / "x").touch()
        (folder / "a").chmod(0)
    assert not folder.exists()


HOLDS = """
import sys, time
from autograde.folders import scratch_folder
with scratch_folder("autograde-test-") as folder:
    print(folder, flush=True)
    time.sleep(600)
"""


def test_what_a_killed_process_has_left_is_taken_away_by_the_next_and_what_is_in_use_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    both = [subprocess.Popen([sys.executable, "-c", HOLDS], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        killed, used = (Path(one.stdout.readline().strip()) for one in both)
        both[0].kill()
        both[0].wait()
        (tmp_path / "autograde-test-link").symlink_to(used)
        for one in (killed, used):
            (one / "x").touch()
            os.utime(one, (0, 0))
        young = Path(tempfile.mkdtemp(prefix="autograde-test-"))
        with scratch_folder("autograde-test-"):
            assert not killed.exists()
            assert (used / "x").exists()
            assert young.exists(), "another process may be about to lock it"
    finally:
        for one in both:
            one.kill()
            one.communicate()


def test_a_tree_that_changes_while_it_is_walked_gives_a_clean_word(tmp_path):
    """Nothing changes while the judge looks, as everything is frozen; if something did, no link would be followed."""
    stop = threading.Event()

    def change():
        while not stop.is_set():
            for turn in ("folder", "link", "file"):
                path = tmp_path / "x"
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()
                else:
                    path.unlink(missing_ok=True)
                {"folder": path.mkdir, "link": lambda: path.symlink_to("/"), "file": path.touch}[turn]()  # noqa: B023

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(300):
            assert _refused(tmp_path) in (None, tmp_path / "x")
            assert len(list(entries(tmp_path))) <= 1
    finally:
        stop.set()
        thread.join()


def test_folders_are_spread_where_the_file_system_can_and_nothing_happens_elsewhere(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    spread(place)
    (place / "a").mkdir()
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(place)], capture_output=True, text=True, check=False).stdout
    if kind.strip() == "ext2/ext3":  # which is what stat calls ext4, too
        with _opened(str(place)) as opened:
            assert _flags(opened) & _TOPDIR
    (tmp_path / "link").symlink_to(place)
    for other in (tmp_path / "link", tmp_path / "missing", Path("/proc/self")):
        spread(other)
