"""Proof that the tests discriminate: solutions by expected verdict, each run in one kernel and judged in two processes.

`<gallery>/<assignment>/<exercise>/<verdict>/<what it does>.py` holds the text of the exercise's solution cell. The folder's
name is the expectation. A line `# message: ...` names a part of the message that a student must be shown.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

from .course import Course
from .errors import CourseError
from .jobs import run_job, warm_judges
from .kernel import run_in_kernel
from .notebook import Kind, Notebook, read_notebook, rebuild
from .session import Job
from .types import Outcome, Verdict
from .verdict import result_of, verdict_of

__all__ = ["ROOM", "Entry", "Row", "Run", "rows", "run_entry", "solutions", "verify"]

#: Factor between the worst accepted peak and the ceiling, and between the ceiling and the best hungry peak.
ROOM = 1.5
_FOLDERS = {verdict.words.replace(" ", "_"): verdict for verdict in Verdict if verdict is not Verdict.JE}
_FOLDERS["run_time_error"] = Verdict.RTE
_MESSAGE = re.compile(r"^#\s*message:\s*(.+)$", re.MULTILINE)
_STUB = "raise NotImplementedError()"


@dataclass(frozen=True, slots=True)
class Entry:
    """A solution of the gallery."""

    assignment: str
    exercise: str
    expected: Verdict
    name: str
    text: str
    message: str | None  # must be part of what the student is shown


@dataclass(frozen=True, slots=True)
class Run:
    """A solution that was run both ways, and what is wrong with the outcome."""

    entry: Entry
    kernel: tuple[Outcome, ...] | None  # None: not run in a kernel
    judged: tuple[Outcome, ...] | None  # None: not its turn
    faults: tuple[str, ...]

    @property
    def ratio(self) -> float | None:
        """The highest peak over its ceiling among all blocks, both ways; None where nothing was measured."""
        return max((ratio for _, ratio in _ratios((*(self.kernel or ()), *(self.judged or ())))), default=None)


@dataclass(frozen=True, slots=True)
class Row:
    """An exercise in the table that `autograde verify` prints."""

    exercise: str
    accepted: int
    wrong: int
    hungry: int
    other: int
    ceiling_bytes: int | None
    worst_accepted_bytes: int | None
    best_hungry_bytes: int | None
    room_below: float | None  # ceiling / worst accepted peak
    room_above: float | None  # best hungry peak / ceiling
    faults: tuple[str, ...]


def solutions(gallery: Path, assignment: str, exercises: Sequence[str]) -> list[Entry]:
    """All solutions for an assignment, and the untouched stub of each exercise."""
    root = gallery / assignment
    if not root.is_dir():
        raise CourseError(f"no gallery for {assignment}: expected solutions in {root}/<exercise>/<verdict>/*.py")
    found = []
    for path in sorted(root.glob("*/*/*.py")):
        exercise, folder = path.parts[-3:-1]
        if exercise not in exercises:
            raise CourseError(f"{path}: no exercise {exercise!r}; there is {', '.join(exercises)}")
        if folder not in _FOLDERS:
            raise CourseError(f"{path}: {folder!r} is not a verdict; expected one of {', '.join(_FOLDERS)}")
        text = path.read_text(encoding="utf-8")
        wanted = _MESSAGE.search(text)
        found.append(
            Entry(assignment, exercise, _FOLDERS[folder], path.stem, text, wanted[1].strip() if wanted else None)
        )
    found += [Entry(assignment, exercise, Verdict.NS, "untouched_stub", _STUB, None) for exercise in exercises]
    return found


#: After so many quick rounds, about everything has had its turn.
_TURNS = 20


def verify(
    course: Course,
    assignment: str,
    *,
    gallery: Path,
    exercises: Sequence[str] | None = None,
    jobs: int = 2,
    quick: str | None = None,
    sandbox: str = "process",
    told: Callable[[Run, int], None] = lambda run, total: None,
) -> list[Run]:
    """Run the gallery of an assignment. `told` hears of each run, with the number of all runs.

    `quick`: judges half of those that are the first accepted solution of their exercise, a third of the first hungry ones,
    and a twentieth of the others; a quarter of those that are the first of their verdict run in a kernel, too. Which ones,
    that text decides: others with each commit, say.
    """
    notebooks = course.notebooks(assignment)
    owner = {exercise: name for name, notebook in notebooks.items() for exercise in notebook.exercises()}
    if exercises is not None and (unknown := sorted(set(exercises) - set(owner))):
        raise CourseError(f"no exercise {', '.join(unknown)} in {assignment}; there is {', '.join(owner)}")
    entries = [
        entry
        for entry in solutions(gallery, assignment, list(owner))
        if exercises is None or entry.exercise in exercises
    ]
    runs: list[Run] = []
    turns = [(True, True)] * len(entries) if quick is None else _turns(entries, quick)
    with (
        tempfile.TemporaryDirectory(prefix="autograde-verify-") as scratch,
        ThreadPoolExecutor(jobs) as pool,
        warm_judges(notebooks.values()),
    ):
        futures = [
            pool.submit(
                run_entry,
                course,
                notebooks[owner[entry.exercise]],
                entry,
                Path(scratch) / str(number),
                in_kernel=in_kernel,
                sandbox=sandbox,
            )
            for number, (entry, (judged, in_kernel)) in enumerate(zip(entries, turns, strict=True))
            if judged
        ]
        try:
            for future in as_completed(futures):
                runs.append(future.result())
                told(runs[-1], len(futures))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    runs += [Run(entry, None, None, ()) for entry, (judged, _) in zip(entries, turns, strict=True) if not judged]
    order = {(entry.exercise, entry.expected, entry.name): number for number, entry in enumerate(entries)}
    return sorted(runs, key=lambda run: order[run.entry.exercise, run.entry.expected, run.entry.name])


def _turns(entries: Sequence[Entry], turn: str) -> list[tuple[bool, bool]]:
    """Whether each solution is judged, and whether it runs in a kernel too, in a quick round."""
    seen: set[tuple[str, Verdict]] = set()
    found = []
    for entry in entries:
        first = (entry.exercise, entry.expected) not in seen
        seen.add((entry.exercise, entry.expected))
        every = {Verdict.AC: 2, Verdict.MLE: 3}.get(entry.expected, _TURNS) if first else _TURNS
        number = zlib.crc32(f"{turn} {entry.exercise} {entry.name}".encode())
        judged = number % every == 0
        found.append((judged, judged and first and number // _TURNS % 4 == 0))
    return found


def run_entry(course: Course, notebook: Notebook, entry: Entry, folder: Path, *, in_kernel: bool, sandbox: str) -> Run:
    """Judge a solution, and run it in a kernel if asked to. `folder` is made and removed again."""
    source = course.source(entry.assignment) / f"{notebook.name}.ipynb"
    folder.mkdir()
    tests = notebook.exercises()[entry.exercise]
    book = read_notebook(source)
    for cell in book.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == entry.exercise:
            cell.source = entry.text
    submission = folder / "submission.ipynb"
    nbformat.write(book, submission)
    settings = course.settings
    job = Job(
        name=notebook.name,
        source=str(source),
        submission=str(submission),
        folder=str(source.parent),
        cell_seconds=settings.cell_seconds,
        test_seconds=settings.test_seconds,
        only=tests,
        skip_plain=True,
        stop_at_failure=True,
        baselines=str(folder.parent / f"baselines-{notebook.name}.json"),
        sandbox=sandbox,
        limits=settings.limits,
    )
    judged = run_job(job, folder / "facts.jsonl")
    kernel = None
    if in_kernel:
        beside = folder / "kernel"
        shutil.copytree(source.parent, beside, ignore=shutil.ignore_patterns("*.ipynb", ".*"))
        temporary = folder / "tmp"
        temporary.mkdir()
        rebuilt = rebuild(notebook.name, read_notebook(source), book)
        kernel = tuple(
            run_in_kernel(
                _upto(rebuilt, tests),
                folder=beside,
                tests=tests,
                test_seconds=settings.test_seconds,
                environment={"TMPDIR": str(temporary), "MPLBACKEND": "agg"},
            )
        )
    run = Run(entry, kernel, tuple(judged), ())
    shutil.rmtree(folder, ignore_errors=True)
    return replace(run, faults=tuple(_faults(run)))


def _upto(notebook: Notebook, tests: Sequence[str]) -> Notebook:
    """The notebook until the last of `tests`; a test needs nothing that comes after it."""
    last = max(position for position, cell in enumerate(notebook.cells) if cell.label in tests)
    cells = notebook.cells[: last + 1]
    return replace(notebook, cells=tuple(cell for cell in cells if cell.kind is not Kind.PLAIN))


def overall(outcomes: Sequence[Outcome]) -> Verdict:
    """The verdict on an exercise: that of the first test which does not pass."""
    return next((verdict for verdict in map(verdict_of, outcomes) if verdict is not Verdict.AC), Verdict.AC)


def _shown(outcomes: Sequence[Outcome]) -> str:
    results = [result_of(outcome, None) for outcome in outcomes]
    return " / ".join(result.message for result in results if result.verdict is not Verdict.AC)


def _faults(run: Run) -> list[str]:
    faults = []
    named = {"in one kernel": run.kernel, "judged": run.judged}
    ways = {way: outcomes for way, outcomes in named.items() if outcomes is not None}
    for way, outcomes in ways.items():
        verdict = overall(outcomes)
        if verdict is not run.entry.expected:
            faults.append(f"{way}: {verdict.words}, expected {run.entry.expected.words}: {_shown(outcomes)[:600]}")
    for one, two in zip(run.kernel or (), run.judged or (), strict=False):
        if verdict_of(one) is not verdict_of(two):
            faults.append(f"{one.test}: {verdict_of(one).words} in one kernel, {verdict_of(two).words} judged")
    wanted = run.entry.message
    if wanted is not None:
        for way, outcomes in ways.items():
            shown = _shown(outcomes)
            if wanted.lower() not in shown.lower():
                faults.append(f"{way}, the message says nothing of {wanted!r}: {shown[:600]}")
    return faults


def _ratios(outcomes: Sequence[Outcome]) -> list[tuple[int, float]]:
    """(ceiling in bytes, peak over ceiling) of every block that has both; of a slope, growth over what it may grow."""
    found = []
    for block in (block for outcome in outcomes for block in outcome.blocks):
        if block.ceiling_bytes and block.peak_bytes is not None:
            there = block.growth.small_peak_bytes if block.growth is not None else 0
            allowed = block.ceiling_bytes - there
            found.append((allowed, max(block.peak_bytes - there, 0) / allowed))
    return found


def rows(runs: Sequence[Run]) -> list[Row]:
    """The table of a gallery: how many of each kind, and the room that the ceiling leaves on both sides."""
    table = []
    for exercise in dict.fromkeys(run.entry.exercise for run in runs):
        mine = [run for run in runs if run.entry.exercise == exercise]
        by = {verdict: [run for run in mine if run.entry.expected is verdict] for verdict in Verdict}
        accepted = [pair for run in by[Verdict.AC] for pair in _ratios((*(run.kernel or ()), *(run.judged or ())))]
        hungry = [
            max(pairs, key=lambda pair: pair[1])
            for run in by[Verdict.MLE]
            for way in (run.kernel or (), run.judged or ())
            if (pairs := _ratios(way))
        ]
        worst = max(accepted, key=lambda pair: pair[1], default=None)
        best = min(hungry, key=lambda pair: pair[1], default=None)
        faults = [f"{run.entry.expected.words}/{run.entry.name}: {fault}" for run in mine for fault in run.faults]
        if worst and worst[1] * ROOM > 1:
            faults.append(f"the ceiling is too low: worst accepted peak x {ROOM} is {worst[1] * ROOM:.2f} of it")
        if best and best[1] < ROOM:
            faults.append(f"the ceiling is too high: the best hungry peak is only {best[1]:.2f} of it, {ROOM} wanted")
        if len(by[Verdict.AC]) < 2 or len(by[Verdict.WA]) < 3:
            faults.append("the gallery wants at least two accepted and three wrong solutions")
        if accepted and len(by[Verdict.MLE]) < 2:
            faults.append("the gallery wants at least two solutions that exceed the memory")
        ceiling = worst[0] if worst else best[0] if best else None
        table.append(
            Row(
                exercise=exercise,
                accepted=len(by[Verdict.AC]),
                wrong=len(by[Verdict.WA]),
                hungry=len(by[Verdict.MLE]),
                other=len(mine) - len(by[Verdict.AC]) - len(by[Verdict.WA]) - len(by[Verdict.MLE]),
                ceiling_bytes=ceiling,
                worst_accepted_bytes=round(worst[0] * worst[1]) if worst else None,
                best_hungry_bytes=round(best[0] * best[1]) if best else None,
                room_below=1 / worst[1] if worst and worst[1] else None,
                room_above=best[1] if best else None,
                faults=tuple(faults),
            )
        )
    return table
