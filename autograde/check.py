"""A student's own notebook, judged by the tests that are in it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from .course import settings_near
from .errors import CourseError
from .judge import Job, run_job
from .notebook import has_code, read_notebook, rebuild
from .types import Outcome, Report
from .verdict import report, result_of

__all__ = ["check_notebook"]


def check_notebook(path: Path, *, told: Callable[[int, int, str], None] = lambda done, total, test: None) -> Report:
    """Judge the notebook at `path` as grading would, in practice mode; hidden tests are not in it, and not asked.

    `told` hears of the number of tests done, of all, and of the last one. Raises `CourseError` for what is not a notebook,
    or one without tests.
    """
    book = read_notebook(path)
    notebook = rebuild(path.stem, book, book)
    tests = [cell for cell in notebook.tests() if has_code(cell.source)]
    hidden = len(notebook.tests()) - len(tests)
    if not tests:
        raise CourseError(f"{path.name} has no tests; expected a notebook of an assignment, as it was handed out")
    settings = settings_near(path.parent)
    done: list[Outcome] = []

    def hear(outcome: Outcome) -> None:
        done.append(outcome)
        told(len(done), len(tests), outcome.test)

    with tempfile.TemporaryDirectory(prefix="autograde-check-") as folder:
        outcomes = run_job(
            Job(
                name=path.stem,
                source=str(path.resolve()),
                submission=str(path.resolve()),
                folder=str(path.resolve().parent),
                cell_seconds=settings.cell_seconds,
                test_seconds=settings.test_seconds,
                ceiling_scale=settings.ceiling_scale,
                ceilings=dict(settings.ceilings),
                only=tuple(cell.label for cell in tests),
                in_place=True,
            ),
            Path(folder) / "facts.jsonl",
            told=hear,
        )
    results = [result_of(outcome, None, practice=True) for outcome in outcomes]
    left = f"{hidden} more tests with other data run when it is graded." if hidden else ""
    return report(path.name, "", results, sandbox="process", message=left)
