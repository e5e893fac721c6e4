"""The crash matrix: grading is killed at named points, run again, and compared with a run that nothing disturbed.

    python tests/crashes.py

Prints where it was killed, and what came out: whether the gradebook, the judged notebooks and the results are those of the
undisturbed run, and whether any test was judged twice. Judges are stubs, so that only what keeps results is tried; each run
is a process of its own, forked from this one. Exit 1 if anything was lost or done twice.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent))
import click
import toys
from nbgrader.api import Gradebook
from sqlalchemy.exc import OperationalError

from autograde import cohort, journal, judge, marks, submission
from autograde.errors import AutogradeError, JudgeError, StorageError
from autograde.release import release
from autograde.types import Exit, Outcome, Problem, to_json

STUDENTS = ("ada", "ben", "cho")


# --- a class that is judged by stubs ----------------------------------------------------------------------------------


def prepare(folder: Path) -> Path:
    """A released course with a class: tests, and a cell that a person grades; one mark given by hand."""
    book = toys.source_book()
    book.cells.append(toys.essay("thoughts", "write here", points=3))
    course = toys.write_course(folder / "course", {"exercise": book}, mode="graded")
    release(course, "toy")
    for student in STUDENTS:
        toys.hand_in(course, student, toys.answered(book, toys.RIGHT | {"thoughts": f"{student} thinks"}))
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "toy") as marks_book:
        marks_book.add_student("ben")
        marks_book.add_submission("toy", "ben")
        marks_book.find_grade("thoughts", "exercise", "toy", "ben").manual_score = 2.5
        marks_book.db.commit()
    (course.root / "build" / "facts" / "toy").mkdir(parents=True)
    (course.root / "build" / "facts" / "toy" / "seed").write_text("7")
    return course.root


def stub(root: Path) -> Callable[..., list[Outcome]]:
    """Judges at once, and counts what it was asked; `count` is wrong for whoever is not ada."""

    def run_job(job: Any, facts: Path, *, told: Any = lambda outcome: None) -> list[Outcome]:
        outcomes = []
        for test in job.only:
            wrong = test == "test_count_memory" and "/ada/" not in job.submission
            problem = Problem("AssertionError", "not so", False) if wrong else None
            outcomes.append(Outcome(job.name, test, Exit.RAISED if wrong else Exit.PASSED, problem))
            judge.append(facts, to_json(outcomes[-1]))
            with (root / "judged").open("a") as file:
                file.write(f"{Path(job.submission).parts[-3]} {test}\n")
            told(outcomes[-1])
        return outcomes

    return run_job


def grade_in_child(root: Path, disturb: Callable[[], contextlib.AbstractContextManager[Any]]) -> int:
    """Grade in a forked process while `disturb` holds; its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 0
        try:
            patience = mock.patch.object(marks, "_PATIENCE_SECONDS", 0.1)
            with patience, mock.patch.object(submission, "run_job", stub(root)), disturb():
                cohort.grade(toys.find_course(root), "toy", jobs=1)
        except AutogradeError:
            code = 3
        except BaseException:  # noqa: BLE001 - a child must not go on in its parent's place
            code = 99
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def state(root: Path) -> dict[str, Any]:
    """All that a grading leaves behind and that somebody looks at."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "toy") as book:
        scores = sorted(
            (one.student.id, grade.cell.name, grade.auto_score, grade.manual_score, grade.needs_manual_grade)
            for one in book.assignment_submissions("toy")
            for notebook in one.notebooks
            for grade in notebook.grades
        )
    shown = {path.parts[-3]: path.read_text() for path in sorted(root.glob("autograded/*/toy/*.ipynb"))}
    ledger = journal.Ledger(root / "build" / "facts" / "toy" / "results.jsonl")
    return {"scores": scores, "shown": shown, "results": [to_json(ledger[student]) for student in STUDENTS]}


# --- where it is killed -----------------------------------------------------------------------------------------------


def die(*args: Any, **kwargs: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def at(
    owner: Any, name: str, *, nth: int = 1, after: bool = False, error: Exception | None = None
) -> Callable[[], Any]:
    """Be killed (or fail with `error`) before, or after, the nth call of a function."""

    def disturb() -> Any:
        real, calls = getattr(owner, name), Counter()

        def disturbed(*args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            hit = calls[name] == nth if error is None else calls[name] >= nth
            if hit and not after:
                if error is not None:
                    raise error
                die()
            result = real(*args, **kwargs)
            if hit:
                die()
            return result

        return mock.patch.object(owner, name, disturbed)

    return disturb


@contextlib.contextmanager
def half_a_line() -> Iterator[None]:
    """Be killed when half of the second line of a journal is written."""
    calls: Counter[str] = Counter()
    real = journal.append

    def torn(path: Path, line: str) -> None:
        calls["append"] += 1
        if calls["append"] == 2:
            with path.open("ab") as file:
                file.write(line.encode()[: len(line) // 2])
            die()
        real(path, line)

    with mock.patch.object(judge, "append", torn):
        yield


NO_ROOM = OperationalError("INSERT", {}, Exception("database or disk is full"))
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Somebody else holds the gradebook, and does not let go."""
    import sqlite3

    other = sqlite3.connect(root / "gradebook.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with mock.patch.object(marks, "_WAIT_SECONDS", 0.1):
        yield
    other.close()


def points_of_failure(root: Path) -> dict[str, Callable[[], Any]]:
    """What is done to a grading, by its name."""
    replace = at(Path, "replace", nth=1)
    return {
        "before anything is judged": at(submission, "judge_submission"),
        "before a test is in the journal": at(judge, "append", nth=2),
        "in the middle of a line of the journal": half_a_line,
        "after a test is in the journal": at(judge, "append", nth=3, after=True),
        "before the judged notebook is written": at(submission, "write_autograded", nth=2),
        "judged notebook written aside, not in place": replace,
        "after the judged notebook is written": at(submission, "write_autograded", after=True),
        "before the gradebook is opened": at(marks.Marks, "_open"),
        "submission in the gradebook, points not yet": at(marks, "_save", nth=2),
        "points in the gradebook, not committed": at(marks.Marks, "_penalize", nth=2),
        "gradebook written, not noted as done": at(journal.Ledger, "keep", nth=2),
        "at the very end": at(cohort._Keeper, "rest"),
        "the judge fails twice": at(submission, "run_job", error=JudgeError("gone")),
        "disk full: journal": at(os, "fsync", nth=2, error=FULL),
        "disk full: judged notebook": at(os, "fsync", nth=3, error=FULL),
        "disk full: ledger": at(journal, "append", nth=2, error=StorageError(os.strerror(errno.ENOSPC))),
        "disk full: gradebook": at(marks.Marks, "_write", nth=2, error=NO_ROOM),
        "gradebook locked by somebody else": lambda: locked(root),
    }


@dataclass(frozen=True)
class Case:
    """One row of the matrix."""

    where: str
    ended: str
    judged_before: int
    same: bool
    twice: tuple[str, ...]

    @property
    def good(self) -> bool:
        return self.same and not self.twice


def matrix() -> Iterator[Case]:
    """Every case, as it is tried."""
    with tempfile.TemporaryDirectory(prefix="autograde-crashes-") as folder:
        template = prepare(Path(folder))
        undisturbed = shutil.copytree(template, Path(folder) / "undisturbed" / "course")
        assert grade_in_child(undisturbed, contextlib.nullcontext) == 0
        wanted = state(undisturbed)
        for number, where in enumerate(points_of_failure(Path())):
            root = shutil.copytree(template, Path(folder) / str(number) / "course")
            disturbed = grade_in_child(root, points_of_failure(root)[where])
            log = root / "judged"
            before = len(log.read_text().splitlines()) if log.exists() else 0
            again = grade_in_child(root, contextlib.nullcontext)
            times = Counter(log.read_text().splitlines())
            twice = tuple(name for name, count in times.items() if count > 1)
            same = again == 0 and json.dumps(state(root)) == json.dumps(wanted)
            how = {-9: "killed", 3: "stopped, exit 3", 0: "ran on"}.get(disturbed, f"code {disturbed}")
            yield Case(where, how, before, same, twice)
            shutil.rmtree(root.parent)


def main() -> None:
    """Print the matrix."""
    good = True
    click.echo(f"{'where':48} {'first run':16} {'judged':>6}  then, run again")
    for case in matrix():
        good &= case.good
        twice = f"judged twice: {', '.join(case.twice)}" if case.twice else "nothing twice"
        same = "all as undisturbed" if case.same else "DIFFERS"
        click.echo(f"{case.where:48} {case.ended:16} {case.judged_before:>4}/6  {same}, {twice}")
    sys.exit(not good)


if __name__ == "__main__":
    main()
