"""What it costs to grade a class: `autograde grade` against `nbgrader autograde`, and thousands judged by stubs.

    python tests/benchmarks/class.py --students 30 --rounds 3
    python tests/benchmarks/class.py --students 11 --turns
    python tests/benchmarks/class.py --stubs 3000
    python tests/benchmarks/class.py --files

A mixed class (right, another way right, wrong, hungry, untouched, an error) hands in one notebook of an assignment. Each
round grades a fresh copy with nbgrader alone (its own preprocessors, one kernel), with one job, and with as many as this
machine takes, in turn. nbgrader runs every cell; ours leaves out worked examples that nobody uses. Seconds are wall and CPU,
of the whole machine, which should have nothing else to do: whoever is killed is in no parent's account. The bare run is
that of the cells alone, hidden tests included, in one kernel that has started already; the overhead is what grading one
after the other takes beyond it. With `--turns` each submission is run bare and judged, one just after the other, and the
differences are averaged.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import click
import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook

from autograde import cohort, submission
from autograde.course import Course, find_course
from autograde.examples import unused_examples, without
from autograde.folders import spread
from autograde.gallery import solutions
from autograde.jobs import warm_judges
from autograde.journal import append
from autograde.notebook import Kind, read_notebook, rebuild
from autograde.release import release
from autograde.types import Exit, Outcome, Status, Verdict, format_bytes, to_json

ROOT = Path(__file__).resolve().parents[2]
#: A class of ten, again and again.
_MIX = [Verdict(words) for words in ["AC", "AC", "WA", "AC", "MLE", "AC", "NS", "AC", "RTE", "AC"]]
_GRADED = '\nc.CourseDirectory.course_id = "bench"\nc.CourseSettings.mode = "graded"\n'
_STUB = "raise NotImplementedError()"


def stage(folder: Path, assignment: str, notebook: str, students: int) -> Course:
    """A released course with a class that has handed in."""
    whole = find_course(ROOT)
    others = [f"{name}.ipynb" for name in whole.notebooks(assignment) if name != notebook]
    shutil.copytree(whole.source(assignment), folder / "source" / assignment, ignore=shutil.ignore_patterns(*others))
    (folder / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text() + _GRADED)
    course = find_course(folder)
    release(course, assignment)
    released = read_notebook(course.release(assignment) / f"{notebook}.ipynb")
    exercises = list(course.notebooks(assignment)[notebook].exercises())
    answers: dict[tuple[str, Verdict], list[str]] = {}
    every = [name for book in whole.notebooks(assignment).values() for name in book.exercises()]
    for entry in solutions(ROOT / "tests" / "gallery", assignment, every):
        answers.setdefault((entry.exercise, entry.expected), []).append(entry.text)
    for number in range(students):
        kind = _MIX[number % len(_MIX)]
        book = nbformat.from_dict(released)
        for cell in book.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in exercises:
                found = [_STUB] if kind is Verdict.NS else answers.get((name, kind)) or answers[name, Verdict.AC]
                cell.source = found[number % len(found)]
        path = course.submitted(f"student-{number:03d}", assignment) / f"{notebook}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(book, path)
    return course


def plain(folder: Path) -> None:
    """Take our judge out of a course's settings: nbgrader as it comes."""
    path = folder / "nbgrader_config.py"
    text = re.sub(r"c\.Autograde\.\w+ = (\[[^\]]*\]|.*)\n", "", path.read_text())
    path.write_text(text + "c.ClearSolutions.enforce_metadata = False\n")


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Wall seconds of a command, and CPU seconds of the machine meanwhile."""
    before, began = _busy_seconds(), time.perf_counter()
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True)
    wall, spent = time.perf_counter() - began, _busy_seconds() - before
    if done.returncode not in (0, 1):  # nobody was graded, which is fast
        raise click.ClickException(
            f"{' '.join(command)} exited with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}"
        )
    return wall, spent


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def many_files(times: int = 4) -> None:
    """Seconds to make and remove 10,000 small files, as zarr does, in a plain folder and in one that is spread."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * times):
        is_spread = number % 2 == 1
        with tempfile.TemporaryDirectory() as name:
            if is_spread:
                spread(Path(name))
            began = time.perf_counter()
            for _ in range(5):
                folder = Path(tempfile.mkdtemp(dir=name))
                for chunk in range(2000):
                    (folder / "new").write_bytes(bytes(4000))
                    (folder / "new").rename(folder / str(chunk))
                shutil.rmtree(folder)
            seconds[is_spread].append(time.perf_counter() - began)
    for is_spread, found in seconds.items():
        each = ", ".join(f"{one:.1f}" for one in found)
        click.echo(f"10,000 files made and removed {'spread' if is_spread else 'plain '}: {each} s")


def bare(course: Course, assignment: str, student: str, *, examples: bool = True) -> float:
    """Seconds that the cells of a submission take in one kernel that has started, with all tests, the hidden ones too.

    Without `examples` those that nobody needs are left out, as our judge leaves them out. A set-up cell that fails stops the
    benchmark: the rest would fail fast.
    """
    from nbclient import NotebookClient

    total = 0.0
    for source in sorted(course.source(assignment).glob("*.ipynb")):
        path = course.submitted(student, assignment) / source.name
        notebook = rebuild(source.stem, read_notebook(source), read_notebook(path))
        if not examples:
            notebook = without(notebook, unused_examples(notebook))
        cells = [cell for cell in notebook.cells if cell.kind is not Kind.TEXT]
        may_fail = [[] if cell.kind is Kind.SETUP else ["raises-exception"] for cell in cells]
        book = new_notebook(
            cells=[
                new_code_cell(cell.source, metadata={"tags": tags}) for cell, tags in zip(cells, may_fail, strict=True)
            ]
        )
        client = NotebookClient(book, timeout=120, kernel_name="python3")
        client.resources = {"metadata": {"path": str(path.parent)}}
        with client.setup_kernel():
            began = time.perf_counter()
            for index, cell in enumerate(book.cells):
                client.execute_cell(cell, index)
            total += time.perf_counter() - began
    return total


def turns(course: Course, assignment: str) -> None:
    """Print what judging takes beyond the bare run, submission by submission, one just after the other."""

    def judged(student: str) -> float:
        began = time.perf_counter()
        report = submission.judge_student(course, assignment, student).report
        seconds = time.perf_counter() - began
        if report.status is Status.JUDGE_ERROR:  # not judged, which is fast
            raise click.ClickException(f"{student} was not judged: {report.message or report.tests}")
        return seconds

    ways: dict[str, Callable[[str], float]] = {
        "all cells, bare": partial(bare, course, assignment),
        "without examples that nobody needs, bare": partial(bare, course, assignment, examples=False),
        "judged": judged,
    }
    rows: list[dict[str, float]] = []
    with warm_judges(course.notebooks(assignment).values()):
        for number, student in enumerate(course.students(assignment)):
            order = list(ways) if number % 2 else list(reversed(ways))
            row = {way: ways[way](student) for way in order}
            line = f"{student}: " + "; ".join(f"{way} {row[way]:.1f} s" for way in ways)
            if number:
                rows.append(row)
            else:
                line += "; with hidden data and the notebook as handed out, which are made once for a class: left out"
            click.echo(line)
    click.echo(f"{len(rows)} submissions, seconds on average")
    for way in ways:
        line = f"{way:42} {statistics.mean(row[way] for row in rows):6.2f}"
        if way != "judged":
            beyond = [row["judged"] - row[way] for row in rows]
            line += f"; judging {statistics.mean(beyond):+.2f} beyond it (median {statistics.median(beyond):+.2f})"
        click.echo(line)


def stubs(students: int) -> None:
    """Grade a class whose judges answer at once: what scheduler, journal and gradebook cost, and whether it stays linear."""

    def at_once(job: object, facts: Path, **options: object) -> None:
        for test in job.only:  # type: ignore[attr-defined]
            append(facts, to_json(Outcome(job.name, test, Exit.PASSED, output="x" * 4000)))  # type: ignore[attr-defined]

    with tempfile.TemporaryDirectory() as scratch:
        course = stage(Path(scratch) / "course", "2-conversion", "imaging", 1)
        first = course.submitted("student-000", "2-conversion")
        for number in range(1, students):
            shutil.copytree(first, course.submitted(f"student-{number:05d}", "2-conversion"))
        marks: list[tuple[float, int]] = []

        def told(one: object, total: int) -> None:
            marks.append((time.perf_counter(), psutil.Process().memory_info().rss))

        with mock.patch.object(submission, "run_job", at_once):
            began = time.perf_counter()
            cohort.grade(course, "2-conversion", told=told)
            seconds = time.perf_counter() - began
            again = time.perf_counter()
            cohort.grade(course, "2-conversion")
            again = time.perf_counter() - again
        tenth = max(students // 10, 1)
        click.echo(
            f"{students} submissions: {seconds:.0f} s, {1000 * (marks[tenth][0] - began) / tenth:.0f} ms each at first, "
            f"{1000 * (marks[-1][0] - marks[-tenth - 1][0]) / tenth:.0f} ms each at last; memory of the grading process "
            f"{format_bytes(marks[tenth][1])} at first, {format_bytes(marks[-1][1])} at last; "
            f"again, with nothing to judge: {again:.0f} s"
        )


@click.command()
@click.option("--students", type=click.IntRange(1), default=30, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True)
@click.option("--assignment", default="2-conversion", show_default=True)
@click.option("--notebook", default="imaging", show_default=True)
@click.option("--files", is_flag=True, help="Only this: what files cost that were made where others were removed.")
@click.option("--turns", "is_paired", is_flag=True, help="Only this: each submission bare and judged, in turn.")
@click.option("--stubs", "stubbed", type=int, default=None, help="Only this: so many submissions with stub judges.")
def main(
    students: int, rounds: int, assignment: str, notebook: str, files: bool, is_paired: bool, stubbed: int | None
) -> None:
    """Compare, and print a table."""
    if files:
        many_files()
        return
    os.environ.setdefault("AUTOGRADE_DATA", str(ROOT / "data"))
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    if stubbed is not None:
        stubs(stubbed)
        click.echo(load)
        return
    if is_paired:
        if students < 2:
            raise click.UsageError("--turns needs two students: the first pays what is made once for a class")
        with tempfile.TemporaryDirectory(prefix="autograde-bench-") as scratch:
            turns(stage(Path(scratch) / "course", assignment, notebook, students), assignment)
        click.echo(load)
        return
    jobs = cohort.jobs_at_once(find_course(ROOT).settings.limits)
    ways = {
        "nbgrader autograde": (["nbgrader", "autograde", assignment], True),
        "autograde grade --jobs 1": (["autograde", "grade", assignment, "--jobs", "1"], False),
        f"autograde grade --jobs {jobs}": (["autograde", "grade", assignment, "--jobs", str(jobs)], False),
    }
    wall: dict[str, list[float]] = {way: [] for way in ways}
    cpu: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory(prefix="autograde-bench-") as scratch:
        course = stage(Path(scratch) / "course", assignment, notebook, students)
        bare_seconds = sum(bare(course, assignment, student) for student in course.students(assignment))
        for number in range(rounds):
            for place, (way, (command, is_plain)) in enumerate(ways.items()):
                folder = shutil.copytree(course.root, Path(scratch) / f"{number}-{place}")
                if is_plain:
                    plain(folder)
                seconds, cpu_seconds = timed(command, folder)
                wall[way].append(seconds / students)
                cpu[way].append(cpu_seconds / students)
                shutil.rmtree(folder)
    theirs = statistics.median(wall["nbgrader autograde"])
    click.echo(f"{students} submissions of {assignment}/{notebook}, {rounds} rounds, {load}; seconds per submission")
    click.echo(f"{'':28} {'wall':>6} {'CPU':>6} {'throughput':>11} {'above the bare run':>19}")
    click.echo(f"{'bare run of the cells':28} {bare_seconds / students:6.2f}")
    for way in ways:
        seconds = statistics.median(wall[way])
        click.echo(
            f"{way:28} {seconds:6.2f} {statistics.median(cpu[way]):6.2f} {theirs / seconds:10.2f}x "
            f"{seconds - bare_seconds / students:19.2f}"
        )


if __name__ == "__main__":
    main()
