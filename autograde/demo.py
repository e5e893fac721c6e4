"""A made-up class for one notebook of a course: what grading does with each kind of submission."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

from .cohort import Judged, grade
from .course import CONFIG_NAME, Course, find_course
from .errors import CourseError
from .gallery import Entry, solutions
from .notebook import ceilings_in, read_notebook
from .release import release
from .report import write_report
from .types import Report, Verdict

__all__ = ["Shown", "play"]

#: Follows the course's own settings.
_CONFIG = """
c.CourseDirectory.course_id = "demo"
c.CourseSettings.mode = "graded"
c.CourseSettings.test_seconds = c.CourseSettings.cell_seconds = {seconds}
"""

#: Tries what gives full marks elsewhere: no assertions, a result that is equal to everything, a score on display.
_HOSTILE = """\
import ast
import numpy as np

class NoAssertions(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()

get_ipython().ast_transformers.append(NoAssertions())
for name in dir(np.testing):
    if name.startswith("assert"):
        setattr(np.testing, name, lambda *args, **kwargs: None)
get_ipython().events.register("post_run_cell", lambda result: print(100))

class Right:
    def __eq__(self, other):
        return True
    def __getattr__(self, name):
        return self
    def __call__(self, *args, **kwargs):
        return self

{name} = Right()
"""
_CRASH = "import os, signal\n\ndef {name}(*args, **kwargs):\n    os.kill(os.getpid(), signal.SIGSEGV)\n"
_SLOW = "import time\n\ndef {name}(*args, **kwargs):\n    while True:\n        time.sleep(0.1)\n"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a demo leaves behind."""

    reports: tuple[Report, ...]
    page: Path


def play(
    course: Course,
    folder: Path,
    *,
    seconds: int = 25,
    told: Callable[[Judged, int], None] = lambda judged, total: None,
) -> Shown:
    """Grade a class of ten in a course directory of its own at `folder`, and write its report.

    Nothing of `course` is changed; its data is used. A test may take `seconds`. Raises `CourseError` when there is no
    gallery to take answers from.
    """
    gallery = course.root / "tests" / "gallery"
    assignment, notebook, entries = _stage(course, gallery)
    os.environ.setdefault("AUTOGRADE_DATA", str(course.root / "data"))
    shutil.rmtree(folder / "source", ignore_errors=True)
    others = [f"{name}.ipynb" for name in course.notebooks(assignment) if name != notebook]
    shutil.copytree(
        course.source(assignment), folder / "source" / assignment, ignore=shutil.ignore_patterns(".*", *others)
    )
    own = (course.root / CONFIG_NAME).read_text(encoding="utf-8")
    (folder / CONFIG_NAME).write_text(own + _CONFIG.format(seconds=seconds), encoding="utf-8")
    stage = find_course(folder)
    released = release(stage, assignment)
    shutil.rmtree(folder / "submitted", ignore_errors=True)
    names = list(_hand_in(stage, assignment, entries, released))
    judged = grade(stage, assignment, roster=[*names, "jonas-missing"], told=told)
    page = write_report(
        folder / "report",
        [one.report for one in judged],
        title=f"{assignment}, a made-up class",
        outcomes={(one.report.student, fact.notebook, fact.test): fact for one in judged for fact in one.outcomes},
    )
    return Shown(tuple(one.report for one in judged), page)


def _stage(course: Course, gallery: Path) -> tuple[str, str, list[Entry]]:
    """Assignment, notebook and its answers: the first with ceilings, right answers to all, and hungry ones to some."""
    for assignment in course.assignments():
        if not (gallery / assignment).is_dir():
            continue
        notebooks = course.notebooks(assignment)
        every = [name for notebook in notebooks.values() for name in notebook.exercises()]
        entries = solutions(gallery, assignment, every)
        found = {(entry.exercise, entry.expected) for entry in entries}
        for name, notebook in notebooks.items():
            exercises = notebook.exercises()
            right = all((exercise, Verdict.AC) in found for exercise in exercises)
            if ceilings_in(notebook) and right and any((exercise, Verdict.MLE) in found for exercise in exercises):
                return assignment, name, [entry for entry in entries if entry.exercise in exercises]
    raise CourseError(f"the demo takes its answers from {gallery}/<assignment>/, and there are none that would do")


def _hand_in(course: Course, assignment: str, entries: list[Entry], released: Path) -> Iterator[str]:
    """Write a submission for each member of the class; yields their names."""
    exercises = [name for notebook in course.notebooks(assignment).values() for name in notebook.exercises()]
    answers: dict[tuple[str, Verdict], list[str]] = {}
    for entry in entries:
        answers.setdefault((entry.exercise, entry.expected), []).append(entry.text)

    def pick(verdict: Verdict, number: int = 0) -> dict[str, str]:
        """One answer of a kind to each exercise, and an accepted one where there is none of it."""
        texts = {name: answers.get((name, verdict)) or answers[name, Verdict.AC] for name in exercises}
        return {name: found[number % len(found)] for name, found in texts.items()}

    right = pick(Verdict.AC)
    first, second, last = exercises[0], exercises[min(1, len(exercises) - 1)], exercises[-1]
    hostile = {name: _HOSTILE.format(name=name) for name in exercises}
    for student, texts, mend in (
        ("amara-right", right, None),
        ("ben-right-another-way", pick(Verdict.AC, 1), None),
        ("chiara-wrong", pick(Verdict.WA), None),
        ("dario-hungry", pick(Verdict.MLE), None),
        ("eve-hostile", hostile, _skip_tests),
        ("farid-slow", {**right, last: _SLOW.format(name=last)}, None),
        ("gita-crashing", {**right, first: _CRASH.format(name=first)}, _crash_at_the_end),
        ("hugo-damaged", right, lambda book: _damage(book, second)),
    ):
        for path in sorted(released.glob("*.ipynb")):
            book = read_notebook(path)
            for cell in book.cells:
                name = cell.metadata.get("nbgrader", {}).get("grade_id")
                if name in texts:
                    cell.source = texts[name]
            if mend is not None:
                mend(book)
            target = course.submitted(student, assignment) / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(book, target)
        yield student
    for path in sorted(released.glob("*.ipynb")):
        target = course.submitted("ines-unreadable", assignment) / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        target.write_text(text[: len(text) // 2], encoding="utf-8")
    yield "ines-unreadable"


def _skip_tests(book: Any) -> None:
    """nbgrader never runs a cell with this tag, and gives it full marks."""
    for cell in book.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["tags"] = ["skip-execution"]
            cell.metadata.nbgrader["points"] = 100


def _crash_at_the_end(book: Any) -> None:
    book.cells.append(v4.new_code_cell("import os\nos._exit(1)"))


def _damage(book: Any, exercise: str) -> None:
    """A solution cell and a test are gone, another cell is there twice."""
    gone = {exercise, f"test_{exercise}"}
    book.cells = [cell for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade_id") not in gone]
    twice = next(cell for cell in book.cells if cell.metadata.get("nbgrader", {}).get("solution"))
    book.cells.append(v4.new_code_cell(twice.source, metadata=twice.metadata))
