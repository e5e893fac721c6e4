"""Structure and tests come from the source, texts from the student; a broken file says what to do about it."""

from __future__ import annotations

import copy
import json

import nbformat
import pytest
import toys
from hypothesis import given
from hypothesis import strategies as st

from autograde.errors import CourseError, SubmissionError
from autograde.notebook import Kind, bound_names, has_code, imported_modules, merge, read_notebook, rebuild

SOURCE = toys.book(
    toys.text("# A toy"),
    toys.setup("import numpy as np"),
    toys.solution("double", "def double(x): return 2 * x"),
    toys.test("test_double", "assert double(3) == 6", 2),
    toys.essay("thoughts", points=3),
    toys.solution("half", "def half(x): return x / 2"),
    toys.test("test_half", "assert half(6) == 3", 5),
)


def changed(**edits):
    """A submission: the source with other texts, by grade_id."""
    return toys.answered(SOURCE, edits)


def without(*grade_ids):
    made = copy.deepcopy(SOURCE)
    made.cells = [c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") not in grade_ids]
    return made


def by_label(submitted):
    return {cell.label: cell for cell in rebuild("exercise", SOURCE, submitted).cells}


def test_an_answered_notebook_is_rebuilt_in_the_order_of_the_source():
    cells = rebuild("exercise", SOURCE, changed(double="mine")).cells
    # the unnamed heading is the student's own text, before everything
    assert [(cell.kind, cell.label, cell.points) for cell in cells] == [
        (Kind.TEXT, "cell 1", None),
        (Kind.SETUP, "setup", None),
        (Kind.SOLUTION, "double", None),
        (Kind.TEST, "test_double", 2.0),
        (Kind.MANUAL, "thoughts", 3.0),
        (Kind.SOLUTION, "half", None),
        (Kind.TEST, "test_half", 5.0),
    ]
    assert cells[2].source == "mine"


def test_the_order_of_the_cells_in_the_submission_does_not_matter():
    made = changed(double="mine")
    made.cells.reverse()
    labels = [cell.label for cell in rebuild("exercise", SOURCE, made).cells if cell.kind is not Kind.TEXT]
    assert labels == ["setup", "double", "test_double", "thoughts", "half", "test_half"]


def test_locked_cells_and_tests_come_from_the_source():
    cells = by_label(changed(setup="import os", test_double="pass", double="mine"))
    assert cells["setup"].source == "import numpy as np"
    assert cells["test_double"].source == "assert double(3) == 6"


def test_points_tags_and_kinds_come_from_the_source():
    made = changed(double="mine")
    for cell in made.cells:
        meta = cell.metadata.get("nbgrader")
        if meta:
            meta.update(points=100, locked=False, grade=not meta["grade"], solution=not meta["solution"], task=True)
        cell.metadata["tags"] = ["skip-execution"]
    cells = by_label(made)
    assert cells["test_double"].kind is Kind.TEST
    assert cells["test_double"].points == 2.0
    assert cells["double"].kind is Kind.SOLUTION
    assert cells["double"].source == "mine"
    assert all(cell.tags == () for cell in cells.values())


def test_a_cell_that_was_turned_into_markdown_is_code_again():
    made = changed()
    for cell in made.cells:
        cell["cell_type"] = "markdown"
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
    assert by_label(made)["double"].kind is Kind.SOLUTION


def test_a_missing_answer_is_empty_and_noted():
    notebook = rebuild("exercise", SOURCE, without("double", "test_double"))
    cells = {cell.label: cell for cell in notebook.cells}
    assert cells["double"].source == ""
    assert cells["test_double"].source == "assert double(3) == 6"
    assert notebook.notes == (
        "The cell `double` is missing from the notebook; it counts as not answered.",
        "The cell `test_double` is missing from the notebook; it has been put back.",
    )


def test_of_two_cells_with_one_id_the_first_counts_and_the_student_is_told():
    made = changed(double="first")
    made.cells.append(toys.solution("double", "second"))
    notebook = rebuild("exercise", SOURCE, made)
    assert [cell.source for cell in notebook.cells if cell.label == "double"] == ["first"]
    assert notebook.notes == ("There are two cells `double`; the first one counts.",)


def test_the_students_own_cells_stay_where_they_stood():
    made = toys.before(changed(double="mine"), "test_double", toys.plain("helper = 1"), toys.text("my thoughts"))
    made = toys.before(made, "setup", toys.plain("first = 0"))
    made.cells.append(toys.plain("last = 2"))
    cells = rebuild("exercise", SOURCE, made).cells
    assert [cell.label if cell.label[:4] != "cell" else cell.source for cell in cells] == [
        "# A toy",
        "first = 0",
        "setup",
        "double",
        "helper = 1",
        "my thoughts",
        "test_double",
        "thoughts",
        "half",
        "test_half",
        "last = 2",
    ]
    assert cells[4].kind is Kind.PLAIN


def test_a_cell_with_an_id_that_the_source_does_not_know_is_the_students_own():
    made = changed()
    made.cells.append(toys.test("test_of_my_own", "assert True", 1000))
    assert rebuild("exercise", SOURCE, made).cells[-1].kind is Kind.PLAIN


def test_outputs_and_other_metadata_of_the_submission_are_left_behind():
    made = changed(double="mine")
    made.metadata["kernelspec"] = {"name": "evil", "display_name": "evil", "language": "evil"}
    made.cells[2].outputs = [nbformat.v4.new_output("stream", text="100")]
    made.cells[2].metadata["deletable"] = False
    book, _ = merge(SOURCE, made)
    text = nbformat.writes(book)
    assert "evil" not in text
    assert "deletable" not in text
    assert all(not cell.outputs for cell in book.cells if cell.cell_type == "code")
    nbformat.validate(book)


def test_ids_of_cells_are_made_anew_so_that_twice_the_same_does_not_matter():
    made = changed()
    for cell in made.cells:
        cell["id"] = "same"
    book, _ = merge(SOURCE, made)
    assert len({cell["id"] for cell in book.cells}) == len(book.cells)


@pytest.mark.parametrize("metadata", ["text", 3, None, [], {"grade_id": 3}, {"grade_id": ["double"]}, {"grade_id": ""}])
def test_nbgrader_metadata_that_is_nonsense_makes_a_cell_the_students_own(metadata):
    made = changed()
    made.cells.append(toys.plain("x = 1"))
    made.cells[-1].metadata["nbgrader"] = metadata
    assert rebuild("exercise", SOURCE, made).cells[-1].kind is Kind.PLAIN


def test_nothing_of_source_or_submission_is_changed():
    source, made = copy.deepcopy(SOURCE), changed(double="mine")
    before = nbformat.writes(made)
    merge(source, made)
    assert nbformat.writes(source) == nbformat.writes(SOURCE)
    assert nbformat.writes(made) == before


def test_tests_belong_to_the_solution_above_them():
    notebook = rebuild("exercise", SOURCE, SOURCE)
    assert notebook.exercises() == {"double": ("test_double",), "half": ("test_half",)}
    assert notebook.exercise_of("test_half") == "half"
    with pytest.raises(CourseError, match=r"no test 'test_x' in notebook 'exercise'; it has \['test_double'"):
        notebook.exercise_of("test_x")


@given(st.permutations(range(7)), st.lists(st.integers(0, 6), max_size=5), st.text(max_size=20))
def test_whatever_is_done_to_the_cells_the_structure_is_that_of_the_source(order, doubled, text):
    made = copy.deepcopy(SOURCE)
    made.cells = [copy.deepcopy(SOURCE.cells[number]) for number in [*order, *doubled]]
    made.cells.append(toys.plain(text))
    graded = [cell for cell in rebuild("exercise", SOURCE, made).cells if cell.kind not in (Kind.TEXT, Kind.PLAIN)]
    assert [(cell.label, cell.points) for cell in graded] == [
        ("setup", None),
        ("double", None),
        ("test_double", 2.0),
        ("thoughts", 3.0),
        ("half", None),
        ("test_half", 5.0),
    ]


# --- files ------------------------------------------------------------------------------------------------------------

GOOD = nbformat.writes(SOURCE)
BROKEN = {
    "empty": b"",
    "blank": b"  \n",
    "half a file": GOOD[: len(GOOD) // 2].encode(),
    "a list": b"[]",
    "a number": b"3",
    "no notebook": b"{}",
    "a format of the future": json.dumps({**json.loads(GOOD), "nbformat": 99}).encode(),
    "a format that is a word": json.dumps({**json.loads(GOOD), "nbformat": "four"}).encode(),
    "no cells": json.dumps({k: v for k, v in json.loads(GOOD).items() if k != "cells"}).encode(),
    "cells that are text": json.dumps({**json.loads(GOOD), "cells": "none"}).encode(),
    "a cell that is none": json.dumps({**json.loads(GOOD), "cells": [{}]}).encode(),
    "nested without end": b'{"nbformat": 4, "cells": ' + b"[" * 100_000,
    "Python": b"def double(x):\n    return 2 * x\n",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_no_notebook_is_refused_with_advice(tmp_path, data):
    path = tmp_path / "naïve name.ipynb"
    path.write_bytes(data)
    with pytest.raises(
        SubmissionError, match=r"^naïve name\.ipynb is not a Jupyter notebook \(.+\)\. Open it in Jup"
    ) as refused:
        read_notebook(path, error=SubmissionError)
    assert "take a fresh copy" in str(refused.value)
    assert len(str(refused.value)) < 500


def test_an_empty_file_is_called_empty(tmp_path):
    (tmp_path / "a.ipynb").touch()
    with pytest.raises(SubmissionError, match=r"a\.ipynb is not a Jupyter notebook \(it is empty\)"):
        read_notebook(tmp_path / "a.ipynb", error=SubmissionError)


def test_a_binary_file_is_refused(tmp_path):
    (tmp_path / "a.ipynb").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(SubmissionError, match=r"a\.ipynb cannot be read: .*utf-8"):
        read_notebook(tmp_path / "a.ipynb", error=SubmissionError)


def test_a_notebook_of_65_mib_is_refused_unread_with_what_to_do(tmp_path):
    with (tmp_path / "a.ipynb").open("wb") as file:
        file.truncate(65 * 2**20)
    with pytest.raises(SubmissionError, match=r"a\.ipynb has 65 MiB, at most 64 are read\. Clear its outputs"):
        read_notebook(tmp_path / "a.ipynb", error=SubmissionError)


def test_a_folder_and_a_missing_file_are_told_apart(tmp_path):
    (tmp_path / "a.ipynb").mkdir()
    with pytest.raises(SubmissionError, match=r"a\.ipynb cannot be read"):
        read_notebook(tmp_path / "a.ipynb", error=SubmissionError)
    with pytest.raises(CourseError, match="there is no notebook"):
        read_notebook(tmp_path / "b.ipynb")


def test_a_notebook_of_the_old_format_is_brought_up_to_date(tmp_path):
    old = nbformat.v3.new_notebook(worksheets=[nbformat.v3.new_worksheet(cells=[nbformat.v3.new_code_cell("x = 1")])])
    (tmp_path / "a.ipynb").write_text(nbformat.v3.writes_json(old))
    assert read_notebook(tmp_path / "a.ipynb").cells[0].source == "x = 1"


def test_a_byte_order_mark_at_the_beginning_is_no_harm(tmp_path):
    (tmp_path / "a.ipynb").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert len(read_notebook(tmp_path / "a.ipynb").cells) == 7


def test_unknown_fields_of_a_frontend_are_no_harm(tmp_path):
    made = json.loads(GOOD)
    made["cells"][0]["frontend_field"] = 1
    (tmp_path / "a.ipynb").write_text(json.dumps(made))
    assert len(read_notebook(tmp_path / "a.ipynb").cells) == 7


# --- texts of cells ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(): x = 1\nclass C: y = 2\nasync def g(): pass", {"f", "C", "g"}),
        ("a, (b, *c) = 1, (2, 3)\nd: int = 4\ne += 5", {"a", "b", "c", "d", "e"}),
        ("import os\nfrom x import y", set()),
        ("%matplotlib inline\n!ls\nz = 1", {"z"}),
        ("def broken(", set()),
        ("", set()),
    ],
)
def test_names_that_a_cell_binds_are_found(source, names):
    assert bound_names([source]) == names


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import a.b, c as d", ("a.b", "c")),
        ("def f():\n    if x:\n        from e import g, h", ("e", "e.g", "e.h")),
        ("from . import mine\nfrom .a import b", ()),
        ("from e import *", ("e",)),
        ("%load_ext x\nimport a", ("a",)),
        ("import (", ()),
    ],
)
def test_modules_that_a_cell_imports_are_found(source, modules):
    assert imported_modules([source]) == modules


@pytest.mark.parametrize(
    ("source", "does"),
    [("", False), ("# hidden tests", False), ("x", True), ("%magic", True), ("def broken(", True), ("\n\n", False)],
)
def test_a_cell_of_comments_does_nothing(source, does):
    assert has_code(source) is does
