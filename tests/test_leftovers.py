"""What earlier cells keep is named with the cell and the line that made it, before the judge says so."""

from __future__ import annotations

import mmap
import sys
from multiprocessing import shared_memory

import numpy as np
import pytest

from autograde import leftovers
from autograde.explain import explain_kept
from autograde.leftovers import kept_by_cells, named_arrays
from autograde.types import MIB, Growth, Kept, Measurement

linux = pytest.mark.skipif(sys.platform != "linux", reason="pages are told by /proc")
PASSED = Measurement("tree", 6 * MIB, 64 * MIB, 1.0)
DATA = Kept("data", 128 * MIB, 4, "data = array[:]")


def array(mib):
    return np.ones(mib * MIB, np.uint8)


def test_views_and_second_names_count_once_and_small_or_hidden_ones_not_at_all():
    data = array(4)
    space = {
        "data": data,
        "again": data,
        "view": data[5:],
        "_hidden": array(3),
        "few": np.zeros(9),
        "raw": bytes(2 * MIB),
    }
    assert named_arrays(space) == [("data", 4 * MIB), ("raw", 2 * MIB)]


@pytest.fixture
def movie(tmp_path):
    """A file of 4 MiB."""
    path = tmp_path / "movie.raw"
    path.write_bytes(b"x" * (4 * MIB))
    return path


@pytest.mark.parametrize(
    "view",
    [
        np.asarray,
        lambda mapped: np.asarray(mapped)[5:],
        lambda mapped: np.asarray(mapped[: 3 * MIB]).reshape(3, -1),
        lambda mapped: np.asarray(memoryview(np.asarray(mapped))),
        lambda mapped: [np.asarray(mapped)],
    ],
)
def test_a_view_of_a_memory_map_of_a_file_holds_nothing(movie, view):
    """All of it has been read: its pages are there, and the system can drop them."""
    mapped = np.memmap(movie, np.uint8, mode="r")
    assert mapped.any()
    assert named_arrays({"view": view(mapped), "mapped": mapped, "copy": np.array(mapped)}) == [("copy", 4 * MIB)]


@linux
def test_a_map_without_numpy_holds_nothing_either_unless_it_lies_in_memory(movie):
    shared = shared_memory.SharedMemory(create=True, size=2 * MIB)
    with movie.open("rb") as file:
        of_file = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    anonymous, in_memory = np.frombuffer(mmap.mmap(-1, 3 * MIB), np.uint8), np.frombuffer(shared.buf, np.uint8)
    anonymous[:] = in_memory[:] = of_file[0]
    found = named_arrays({"of_file": of_file, "anonymous": anonymous, "in_memory": in_memory})
    del in_memory  # or it could not be closed
    shared.close()
    shared.unlink()
    assert found == [("anonymous", 3 * MIB), ("in_memory", 2 * MIB)]


@linux
def test_of_an_array_only_what_was_touched_counts():
    part = np.zeros(64 * MIB, np.uint8)
    part[: 8 * MIB] = 1
    ((name, size),) = named_arrays({"part": part, "nothing": np.empty(64 * MIB, np.uint8)})
    assert name == "part"
    assert 8 * MIB <= size <= 12 * MIB, "pages may be as large as 2 MiB, at both ends"


@pytest.mark.parametrize("missing", ["/proc/self/pagemap", "/proc/self/maps"])
def test_where_the_system_does_not_tell_an_array_counts_in_full(monkeypatch, missing):
    def refuses(path, *args, **more):
        raise PermissionError(path) if path == missing else FileNotFoundError(path)

    monkeypatch.setattr(leftovers, "open", refuses, raising=False)
    anonymous = np.frombuffer(mmap.mmap(-1, 3 * MIB), np.uint8)
    assert named_arrays({"a": np.zeros(4 * MIB, np.uint8), "b": anonymous}) == [("a", 4 * MIB), ("b", 3 * MIB)]


def test_an_array_is_traced_to_the_last_cell_and_line_that_bound_its_name():
    cells = [
        "",
        "data = array(1)",
        "import numpy\ndata = array(2)\nother = 1\n",
        "def f():\n    data = 3\n    return data",
        "data.sum()",
    ]
    assert kept_by_cells({"data": array(2)}, cells) == (Kept("data", 2 * MIB, 2, "data = array(2)"),)


@pytest.mark.parametrize(
    "text",
    [
        "for data in parts:\n    pass",
        "if True:\n    data = 1",
        "with open(f) as data:\n    pass",
        "first, data = parts",
        "print(data := 5)",
        "data: list = []",
    ],
)
def test_every_way_of_binding_a_name_is_found(text):
    (kept,) = kept_by_cells({"data": array(2)}, ["", "1 / 0", text, "%this is no Python"])
    assert kept.cell == 2


def test_a_name_that_no_cell_has_bound_is_told_without_a_cell():
    assert kept_by_cells({"data": array(2)}, ["", "exec(code)"]) == (Kept("data", 2 * MIB, None),)


@pytest.mark.parametrize(
    "text", ["with ceiling('1 MiB'):\n    data = f()", "data = f()\nassert data.any()", "data = slope(f, a, b)"]
)
def test_what_a_test_cell_made_lies_with_the_judge_and_does_not_count(text):
    assert kept_by_cells({"data": array(2)}, ["", "data = 0", text]) == ()


def test_the_note_says_what_is_kept_by_which_line_and_what_to_do():
    assert explain_kept(PASSED, [DATA]) == (
        "Your function needs only 6 MiB, well done. But when this notebook is judged, what other cells keep counts, too: "
        "`data` (128 MiB, made in cell [4] by `data = array[:]`). That is 134 MiB together, and 64 MiB are allowed. "
        "Try: write `del data` at the end of that cell, run it, and run this test again."
    )


def test_only_the_largest_are_named():
    note = explain_kept(
        PASSED, [DATA, Kept("b", 9 * MIB, None), Kept("c", 2 * MIB, 3, "c = 1"), Kept("d", MIB, 3, "d = 1")]
    )
    assert "`data` (128 MiB, made in cell [4] by `data = array[:]`), `b` (9 MiB) and 2 more. That is 146 MiB" in note


@pytest.mark.parametrize(
    "measurement",
    [
        Measurement("tree", 65 * MIB, 64 * MIB, 1.0),
        Measurement("tree", None, 64 * MIB, 1.0),
        Measurement("tree", 6 * MIB, None, 1.0),
        Measurement("tree", 6 * MIB, 64 * MIB, 1.0, data_bytes=4 * MIB, growth=Growth(6 * MIB, MIB, 0.2)),
    ],
)
def test_there_is_no_note_where_the_block_failed_by_itself_or_had_no_ceiling(measurement):
    assert explain_kept(measurement, [DATA]) == ""


def test_there_is_no_note_while_both_fit_with_what_the_judge_forgives():
    assert explain_kept(PASSED, [Kept("data", 74 * MIB, 4, "data = 1")]) == ""
    assert explain_kept(PASSED, [Kept("data", 75 * MIB, 4, "data = 1")]) != ""
