"""What earlier cells keep is named with the cell and the line that made it, before the judge says so."""

from __future__ import annotations

import numpy as np
import pytest

from autograde.explain import explain_kept
from autograde.leftovers import kept_by_cells, named_arrays
from autograde.types import MIB, Growth, Kept, Measurement

PASSED = Measurement("tree", 6 * MIB, 64 * MIB, 1.0)
DATA = Kept("data", 128 * MIB, 4, "data = array[:]")


def array(mib):
    return np.zeros(mib * MIB, np.uint8)


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
