"""A student's own notebooks, judged by the tests that are in them: test by test, and as a table of exercises."""

from __future__ import annotations

import html
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from .course import settings_near
from .errors import AutogradeError, CourseError, SubmissionError
from .jobs import run_job
from .notebook import Kind, Notebook, bound_names, has_answer, has_code, read_notebook, rebuild
from .sandbox import JUDGED
from .session import Job
from .types import Exit, Outcome, Problem, Report, TestResult, Verdict
from .verdict import report, result_of

__all__ = [
    "OPTIONAL",
    "Checked",
    "Exercise",
    "Overview",
    "check_all",
    "check_notebook",
    "exercises_of",
    "find_notebooks",
    "overview",
    "show",
]

#: The tag of solution cells that are not core.
OPTIONAL = "optional"
#: Folders that hold copies.
_COPIES = frozenset({"backup", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Exercise:
    """How far one exercise is: its first test that does not pass says what kind of not yet it is."""

    notebook: str
    name: str  # the grade_id of its solution cell
    optional: bool
    passed: int
    tests: int  # that were run; others are hidden
    verdict: Verdict | None  # None: no test of it is at hand
    message: str = ""
    test_names: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Its state as students read it.

        >>> Exercise("imaging", "downsample2", False, 1, 2, Verdict.MLE).words
        'not yet: memory exceeded'
        """
        if self.verdict is None:
            return "judged later"
        return "✓" if self.verdict is Verdict.AC else f"not yet: {self.verdict.words}"


@dataclass(frozen=True, slots=True)
class Checked:
    """One notebook checked, or why it could not be."""

    path: Path
    report: Report | None
    exercises: tuple[Exercise, ...] = ()
    problem: str = ""
    outcomes: tuple[Outcome, ...] = ()  # the facts, for pictures

    @property
    def tests(self) -> tuple[TestResult, ...]:
        """The results of its tests."""
        return () if self.report is None else self.report.tests


@dataclass(frozen=True, slots=True)
class Overview:
    """All exercises of some notebooks; draws itself as a table in JupyterLab."""

    exercises: tuple[Exercise, ...]
    problems: tuple[str, ...] = ()
    board: tuple[str, ...] = ()  # what was told to the room's board, in words

    @property
    def summary(self) -> str:
        """How many are done, core and optional apart.

        >>> done = Exercise("imaging", "downsample2", False, 2, 2, Verdict.AC)
        >>> Overview((done, Exercise("imaging", "more", True, 0, 1, Verdict.NS))).summary
        'core: 1 of 1 done; optional: 0 of 1 done'
        """
        parts = []
        for words, optional in (("core", False), ("optional", True)):
            some = [one for one in self.exercises if one.optional is optional and one.verdict is not None]
            if some:
                parts.append(f"{words}: {sum(one.verdict is Verdict.AC for one in some)} of {len(some)} done")
        return "; ".join(parts) or "no exercises with tests"

    def __str__(self) -> str:
        width = max((len(one.name) for one in self.exercises), default=0)
        lines = [
            f"{one.name:{width}}  {OPTIONAL if one.optional else 'core':8}  {one.passed}/{one.tests}  {one.words}"
            for one in self.exercises
        ]
        return "\n".join([*lines, self.summary, *self.problems, *self.board])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(one.notebook)}</td><td><code>{html.escape(one.name)}</code></td>"
            f"<td>{OPTIONAL if one.optional else 'core'}</td><td>{one.passed} of {one.tests}</td>"
            f'<td style="text-align:left">{_unfolding(one.words, one.message)}</td></tr>'
            for one in self.exercises
        )
        head = "".join(f"<th>{name}</th>" for name in ("notebook", "exercise", "", "tests", ""))
        problems = "".join(f"<p>{html.escape(words)}</p>" for words in (*self.problems, *self.board))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        return f"{table}<p>{html.escape(self.summary)}</p>{problems}"


def _unfolding(words: str, message: str) -> str:
    """HTML: what is said at once, and behind a click the message of the test, with its code as code."""
    said = html.escape(words)
    if not message:
        return said
    text = re.sub("`([^`\n]*)`", r"<code>\1</code>", html.escape(message, quote=False)).replace("\n", "<br>")
    return f'<details><summary>{said}</summary><div style="max-width: 46em">{text}</div></details>'


def check_notebook(
    path: Path,
    *,
    exercise: str | None = None,
    told: Callable[[int, int, str], None] = lambda done, total, test: None,
) -> Checked:
    """Judge the notebook at `path` as grading would, in practice mode; hidden tests are not in it, and not asked.

    With `exercise` only the tests of that one. `told` hears of the number of tests done, of all, and of the last one. Raises
    `CourseError` for what is not a notebook, or one without tests.
    """
    notebook = _read(path)
    wanted = notebook.tests()
    if exercise is not None:
        by_name = notebook.exercises()
        if exercise not in by_name:
            raise CourseError(f"{path.name} has no exercise {exercise!r}; it has {', '.join(by_name) or 'none'}")
        wanted = tuple(cell for cell in wanted if cell.label in by_name[exercise])
    tests = [cell for cell in wanted if has_code(cell.source)]
    hidden = len(wanted) - len(tests)
    if not tests:
        raise CourseError(f"{path.name} has no tests; expected a notebook of an assignment, as it was handed out")
    left = f"{hidden} more tests with other data run when it is graded." if hidden else ""
    if _untouched(notebook):
        stub = Problem("NotImplementedError", "", from_student=True)
        nothing = [Outcome(path.stem, cell.label, Exit.RAISED, stub) for cell in tests]
        judged = report(path.name, "", [result_of(one, None, practice=True) for one in nothing], message=left)
        return Checked(path, judged, exercises_of(notebook, judged))
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
                limits=settings.limits,
            ),
            Path(folder) / "facts.jsonl",
            told=hear,
        )
    results = [result_of(outcome, None, practice=True) for outcome in outcomes]
    judged = report(path.name, "", results, sandbox="process", message=left)
    return Checked(path, judged, exercises_of(notebook, judged), outcomes=tuple(outcomes))


def _untouched(notebook: Notebook) -> bool:
    """Whether every exercise is as it was handed out, and no other cell defines what it should: nothing need be run."""
    answers = [cell.source for cell in notebook.cells if cell.kind is Kind.SOLUTION]
    others = bound_names(cell.source for cell in notebook.cells if cell.kind is Kind.PLAIN)
    stubs = all("raise NotImplementedError" in text and not has_answer(text) for text in answers)
    return bool(answers) and stubs and not others & bound_names(answers)


def _read(path: Path) -> Notebook:
    book = read_notebook(path)
    return rebuild(path.stem, book, book)


def exercises_of(notebook: Notebook, judged: Report) -> tuple[Exercise, ...]:
    """The exercises of a notebook in their order, with what `judged` says of their tests."""
    results = {result.test: result for result in judged.tests}
    tests = notebook.exercises()
    found = []
    for cell in notebook.cells:
        if cell.kind is not Kind.SOLUTION:
            continue
        mine = [results[test] for test in tests.get(cell.label, ()) if test in results]
        first = next((one for one in mine if one.verdict is not Verdict.AC), mine[0] if mine else None)
        found.append(
            Exercise(
                notebook=notebook.name,
                name=cell.label,
                optional=OPTIONAL in cell.tags,
                passed=sum(one.verdict is Verdict.AC for one in mine),
                tests=len(mine),
                verdict=None if first is None else first.verdict,
                message="" if first is None else first.message,
                test_names=tuple(one.test for one in mine),
            )
        )
    return tuple(found)


def find_notebooks(place: Path) -> tuple[Path, ...]:
    """The notebooks with tests at `place`: one that is named, or all in a folder and below; no copies that tools keep."""
    if not place.is_dir():
        return (place,)
    found = []
    for path in sorted(place.rglob("*.ipynb")):
        inside = path.relative_to(place).parts
        if any(part.startswith(".") or part in _COPIES for part in inside):
            continue
        try:
            tests = _read(path).tests()
        except CourseError:
            found.append(path)  # it cannot be read, and whoever asks shall hear of it
            continue
        if tests:
            found.append(path)
    if not found:
        raise CourseError(f"no notebooks with tests in {place}; expected the folder of an assignment, or release")
    return tuple(found)


def overview(checked: Iterable[Checked]) -> Overview:
    """The exercises of all notebooks that were checked."""
    some = tuple(checked)
    return Overview(
        tuple(exercise for one in some for exercise in one.exercises),
        tuple(one.problem for one in some if one.problem),
    )


def check_all(
    place: Path, *, told: Callable[[Path, int, int, str], None] = lambda path, done, total, test: None
) -> tuple[Checked, ...]:
    """Check the notebook at `place`, or every notebook in that folder; there one that cannot be read stops no other.

    Raises `CourseError` where a notebook that was named, or all of a folder, is none.
    """
    found = []
    for path in find_notebooks(place):
        try:
            found.append(check_notebook(path, told=partial(told, path)))
        except (CourseError, SubmissionError) as error:
            if not place.is_dir():
                raise
            found.append(Checked(path, None, problem=str(error)))
    return tuple(found)


def show(place: str | Path, *, board: str | None = None, code: bool = False) -> Overview:
    """The table of exercises of a saved notebook, or of all in a folder: `autograde.check.show("imaging.ipynb")`.

    As with `autograde check`, `board` tells the room's board at that address which exercises pass, without your name
    (default: the environment variable AUTOGRADE_BOARD, else nobody is told), and `code` shows the same as a short text to
    paste. Save the notebook first. A cell with this call in the notebook itself does nothing while that notebook is judged.
    """
    if JUDGED in os.environ:
        return Overview((), ("Not shown while the notebook itself is judged.",))
    try:
        found = overview(check_all(Path(place)))
    except AutogradeError as error:
        return Overview((), (str(error),))
    from .board import told_in_words  # which is made of overviews

    said = told_in_words(found, address=board or os.environ.get("AUTOGRADE_BOARD"), code=code)
    return replace(found, board=said)
