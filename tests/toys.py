"""Toy courses, notebooks and submissions, small enough to be judged in a second or two."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

from autograde.course import Course, find_course

MIB = 2**20

CONFIG = """\
c = get_config()
c.CourseDirectory.course_id = "toy"
c.CourseSettings.mode = "{mode}"
c.CourseSettings.test_seconds = 60
{more}
"""


def cell(
    grade_id: str | None,
    source: str,
    *,
    points: float | None = None,
    grade: bool = False,
    solution: bool = False,
    locked: bool = False,
    task: bool = False,
    kind: str = "code",
) -> Any:
    """A cell as nbgrader's toolbar makes it; without a grade_id, one that nbgrader knows nothing of."""
    made = v4.new_code_cell(source) if kind == "code" else v4.new_markdown_cell(source)
    if grade_id is not None:
        made.metadata["nbgrader"] = {
            "grade": grade,
            "grade_id": grade_id,
            "locked": locked,
            "schema_version": 3,
            "solution": solution,
            "task": task,
        }
        if points is not None:
            made.metadata["nbgrader"]["points"] = points
    return made


def setup(source: str, grade_id: str = "setup") -> Any:
    """A locked cell that is not graded: trusted code."""
    return cell(grade_id, source, locked=True)


def solution(grade_id: str, source: str) -> Any:
    """A cell that students fill in."""
    return cell(grade_id, source, solution=True)


def test(grade_id: str, source: str, points: float = 1) -> Any:  # noqa: PT028 - a builder
    """A cell that the judge grades."""
    return cell(grade_id, source, points=points, grade=True, locked=True)


test.__test__ = False  # type: ignore[attr-defined]  # a builder of cells, whatever its name says


def essay(grade_id: str, source: str = "", points: float = 3) -> Any:
    """A cell that a person grades."""
    return cell(grade_id, source, points=points, grade=True, solution=True, kind="markdown")


def plain(source: str) -> Any:
    """A code cell of nobody in particular."""
    return cell(None, source)


def text(source: str) -> Any:
    """A markdown cell of nobody in particular."""
    return cell(None, source, kind="markdown")


def book(*cells: Any) -> Any:
    """A notebook of these cells."""
    kernel = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    return v4.new_notebook(cells=list(cells), metadata=kernel)


SETUP = "import numpy as np\n\nfrom autograde import ceiling\n\nMIB = 2**20"

DOUBLE = '''\
def double(values):
    """Twice the values."""
    ### BEGIN SOLUTION
    doubled_by_hand = 2 * values
    return doubled_by_hand
    ### END SOLUTION'''

TEST_DOUBLE = """\
assert double(3) == 6, "double(3) is 6"
### BEGIN HIDDEN TESTS
assert double(-17) == -34, "double(-17) is -34, which is secret"
### END HIDDEN TESTS"""

COUNT = '''\
def count(n_mib):
    """Number of the bytes in `n_mib` MiB of ones, one MiB at a time."""
    ### BEGIN SOLUTION
    return sum(int(np.ones(MIB, np.uint8).sum()) for _ in range(n_mib))
    ### END SOLUTION'''

TEST_COUNT = '''\
with ceiling("16 MiB", data="48 MiB") as m:
    result = count(48)
assert result == 48 * MIB, "every byte is one"'''

#: Answers to the two exercises, by what becomes of them.
RIGHT = {
    "double": "def double(values):\n    return values + values",
    "count": "def count(n_mib):\n    return sum(int(np.ones(MIB, np.uint8).sum()) for _ in range(n_mib))",
}
WRONG = {
    "double": "def double(values):\n    return values + 3",
    "count": "def count(n_mib):\n    return n_mib",
}
HUNGRY = "def count(n_mib):\n    everything = np.ones(n_mib * MIB, np.uint8)\n    return int(everything.sum())"
STUB = "raise NotImplementedError()"


def source_book() -> Any:
    """The instructor's notebook of the toy course: two exercises, two tests of 2 and 5 points."""
    return book(
        text("# A toy"),
        setup(SETUP),
        solution("double", DOUBLE),
        test("test_double", TEST_DOUBLE, 2),
        solution("count", COUNT),
        test("test_count_memory", TEST_COUNT, 5),
    )


def answered(source: Any, answers: Mapping[str, str], *, extra: Sequence[Any] = ()) -> Any:
    """A copy of `source` with these texts in the cells of these grade_ids, and cells of the student's own at its end."""
    made = copy.deepcopy(source)
    for one in made.cells:
        name = one.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
            one.source = answers[name]
    made.cells.extend(extra)
    return made


def before(made: Any, grade_id: str, *cells: Any) -> Any:
    """A copy of notebook `made` with `cells` put in front of the cell called `grade_id`."""
    made = copy.deepcopy(made)
    names = [one.metadata.get("nbgrader", {}).get("grade_id") for one in made.cells]
    made.cells[names.index(grade_id) : names.index(grade_id)] = cells
    return made


def write(made: Any, path: Path) -> Path:
    """Save a notebook, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path


def write_course(
    root: Path, notebooks: Mapping[str, Any] | None = None, *, mode: str = "practice", more: str = "", name: str = "toy"
) -> Course:
    """A course directory at `root` with one assignment (`name`)."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "nbgrader_config.py").write_text(CONFIG.format(mode=mode, more=more), encoding="utf-8")
    for stem, made in ({"exercise": source_book()} if notebooks is None else notebooks).items():
        write(made, root / "source" / name / f"{stem}.ipynb")
    return find_course(root)


def hand_in(course: Course, student: str, made: Any, *, notebook: str = "exercise", assignment: str = "toy") -> Path:
    """Put a notebook where nbgrader collects the submissions of `student`."""
    return write(made, course.submitted(student, assignment) / f"{notebook}.ipynb")


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait for what another process does; fails when it does not come to pass."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)
