"""Grades a class: submissions are independent, each is judged in processes of its own, one writer keeps the marks.

Every finished test is journalled first (one line of JSON in build/facts). Stopped anywhere, kill -9 included, the next run
reads the journal and goes on; what has not changed is not run again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from . import __version__
from .course import Course
from .errors import AutogradeError, CourseError, JudgeError, SubmissionError
from .gradebook import annotate, record, share_marks, write_autograded
from .judge import Job, run_job
from .notebook import Kind, Notebook, merge, read_notebook
from .sandbox import choose_sandbox
from .teams import Team, find_teams
from .types import GIB, SCHEMA_VERSION, Outcome, Report, Status, TestResult, Verdict, from_json
from .verdict import judge_error, report, result_of

__all__ = ["Judged", "grade", "jobs_at_once", "judge_submission", "stored_facts"]

#: Memory that one submission may take (its limits), and that is left to the rest of the machine.
_JOB_BYTES = 2 * GIB
_RESERVE_BYTES = GIB


@dataclass(frozen=True, slots=True)
class Judged:
    """A submission with its facts, and the cells that wait for a person."""

    report: Report
    outcomes: tuple[Outcome, ...]
    manual: tuple[tuple[str, str], ...] = ()


def jobs_at_once() -> int:
    """How many submissions this machine judges side by side: by cores and by memory."""
    cores = os.cpu_count() or 1
    by_memory = (psutil.virtual_memory().available - _RESERVE_BYTES) // _JOB_BYTES
    return max(1, min(cores, int(by_memory)))


def _facts_folder(course: Course, assignment: str) -> Path:
    return course.build("facts", assignment)


def grading_seed(course: Course, assignment: str, *, again: bool = False) -> int:
    """The seed of the hidden data: drawn once for a grading run, kept until the class is graded again."""
    path = _facts_folder(course, assignment) / "seed"
    if again or not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"seed.{os.getpid()}")
        aside.write_text(str(secrets.randbelow(2**62)))
        aside.replace(path)
    return int(path.read_text())


def _key(*parts: object) -> str:
    text = json.dumps([str(part) for part in parts])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def judge_submission(
    course: Course,
    assignment: str,
    student: str,
    paths: Mapping[str, Path],
    *,
    sandbox: str | None = None,
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> Judged:
    """Judge the notebooks of one submission, by name; those not in `paths` are missing.

    `sandbox` is auto, bubblewrap or process; by default what the course says. Never raises for anything in the submission.
    `CourseError` passes through: the author has to mend it; so does `JudgeError` where the sandbox cannot be had.
    """
    used, _ = choose_sandbox(sandbox or course.settings.sandbox)
    notebooks = course.notebooks(assignment)
    results: list[TestResult] = []
    outcomes: list[Outcome] = []
    messages: list[str] = []
    manual: list[tuple[str, str]] = []
    readable = False
    for name, notebook in notebooks.items():
        path = paths.get(name)
        problem: str | None = None
        found: list[Outcome] = []
        if path is None:
            problem = f"The notebook {name}.ipynb was not handed in."
        else:
            try:
                found = _facts(course, assignment, student, notebook, path, used, told)
                readable = True
                manual += [(name, cell.label) for cell in notebook.cells if cell.kind is Kind.MANUAL]
            except SubmissionError as error:
                problem = str(error)
        if problem is not None:
            messages.append(problem)
        by_test = {outcome.test: outcome for outcome in found}
        for cell in notebook.tests():
            if cell.label in by_test:
                results.append(result_of(by_test[cell.label], cell.points, practice=course.settings.practice))
            else:
                results.append(_nothing(course, name, cell.label, cell.points, problem or "It was not run."))
        outcomes += found
    status: Status | None = None
    if not paths:
        status, messages = Status.MISSING, ["Nothing was handed in."]
    elif not readable:
        status = Status.UNREADABLE
    elif manual and not course.settings.practice and not any(result.verdict is Verdict.JE for result in results):
        status = Status.MANUAL
    judge_troubles = [result.message for result in results if result.verdict is Verdict.JE]
    judged = report(
        student,
        assignment,
        results,
        status=status,
        sandbox=used if readable else None,
        message=" ".join([*messages, *judge_troubles[:1]]),
    )
    return Judged(judged, tuple(outcomes), tuple(manual))


def _nothing(course: Course, notebook: str, test: str, max_points: float | None, why: str) -> TestResult:
    practice = course.settings.practice
    return TestResult(
        notebook=notebook,
        test=test,
        verdict=Verdict.NS,
        points=None if practice or max_points is None else 0.0,
        max_points=None if practice else max_points,
        peak_bytes=None,
        ceiling_bytes=None,
        wall_seconds=None,
        meter=None,
        message=why,
    )


def _facts(
    course: Course,
    assignment: str,
    student: str,
    notebook: Notebook,
    path: Path,
    sandbox: str,
    told: Callable[[Outcome], None],
) -> list[Outcome]:
    """The outcomes of one notebook: from the journal as far as it goes, the rest by judging."""
    source_path = course.source(assignment) / f"{notebook.name}.ipynb"
    submitted = read_notebook(path, error=SubmissionError)
    merged, _ = merge(read_notebook(source_path), submitted)
    settings = course.settings
    rules = (
        settings.cell_seconds,
        settings.test_seconds,
        settings.ceiling_scale,
        sorted(settings.ceilings.items()),
        settings.limits,
    )
    texts = [(cell.cell_type, cell.source) for cell in merged.cells]
    source_key = _key(__version__, SCHEMA_VERSION, rules, sandbox, source_path.read_bytes())
    folder = _facts_folder(course, assignment)
    folder.mkdir(parents=True, exist_ok=True)
    journal = folder / f"{_key(student, notebook.name, source_key, texts)}.jsonl"
    known = {outcome.test: outcome for outcome in stored_facts(journal)}
    wanted = [cell.label for cell in notebook.tests()]
    for outcome in known.values():
        told(outcome)
    left = [test for test in wanted if test not in known]
    if left:
        job = Job(
            name=notebook.name,
            source=str(source_path),
            submission=str(path.resolve()),
            folder=str(source_path.parent),
            cell_seconds=settings.cell_seconds,
            test_seconds=settings.test_seconds,
            ceiling_scale=settings.ceiling_scale,
            ceilings=dict(settings.ceilings),
            only=tuple(left),
            baselines=str(folder / f"baselines-{source_key}.json"),
            seed=grading_seed(course, assignment),
            sandbox=sandbox,
            limits=settings.limits,
        )
        known |= {outcome.test: outcome for outcome in _judge(job, journal, left, told)}
    return [known[test] for test in wanted if test in known]


def _judge(job: Job, journal: Path, tests: Sequence[str], told: Callable[[Outcome], None]) -> list[Outcome]:
    """Judge, once more if the judge fails; then what is left is for a person, and not journalled."""
    if journal.exists() and not journal.read_bytes().endswith(b"\n"):
        with journal.open("ab") as file:
            file.write(b"\n")  # a line that was cut off must not swallow the next one
    reason = ""
    for _ in range(2):
        try:
            return run_job(job, journal, told=told)
        except JudgeError as error:
            reason = str(error)
    done = {outcome.test: outcome for outcome in stored_facts(journal)}
    return [done.get(test) or judge_error(job.name, test, reason) for test in tests]


def stored_facts(journal: Path) -> list[Outcome]:
    """The outcomes in a journal; a last line that was cut off by a crash is left out."""
    found = []
    try:
        lines = journal.read_bytes().split(b"\n")  # texts may hold other line separators, or end inside a letter
    except FileNotFoundError:
        return []
    for line in filter(None, lines):
        try:
            found.append(from_json(Outcome, line))
        except CourseError:
            continue
    return found


def submitted_notebooks(course: Course, assignment: str, student: str) -> dict[str, Path]:
    """The notebooks that a student has handed in, by name."""
    folder = course.submitted(student, assignment)
    return {path.stem: path for path in sorted(folder.glob("*.ipynb")) if not path.name.startswith(".")}


def grade(
    course: Course,
    assignment: str,
    *,
    students: Sequence[str] | None = None,
    roster: Sequence[str] = (),
    jobs: int | None = None,
    scheduler: str | None = None,
    sandbox: str | None = None,
    again: bool = False,
    told: Callable[[Judged, int], None] = lambda judged, total: None,
) -> list[Judged]:
    """Grade an assignment for a class, in the order of the students' names.

    `students` limits it to some; `roster` names everybody who should have handed in. `scheduler` is the address of a
    dask.distributed scheduler whose workers see the same course directory. `again` forgets what is known and draws new
    hidden data. `sandbox` is auto, bubblewrap or process; by default what the course says. `told` hears of each submission,
    with the number of all. Marks go into the gradebook in graded mode. The result of a team (`teams`) is also that of its
    members; marks given by hand are copied when it is graded again. Raises `CourseError` for an unknown assignment or
    student, and `JudgeError` where the sandbox cannot be had.
    """
    if scheduler is None:
        choose_sandbox(sandbox or course.settings.sandbox)
    course.check_assignment(assignment)
    known = set(roster).union(*(course.students(name) for name in course.assignments()))
    teams = find_teams(course, assignment, known=known)
    hands_in = {member: team.hands_in for team in teams.values() for member in team.members}
    everybody = sorted(set(course.students(assignment)) | set(roster))
    if students is not None:
        if unknown := sorted(set(students) - set(everybody) - set(hands_in)):
            raise CourseError(
                f"no submission of {', '.join(unknown)} for {assignment}; there is {', '.join(everybody)}"
            )
        everybody = sorted(set(students))
    everybody = sorted({hands_in.get(student, student) for student in everybody})
    if not everybody:
        raise CourseError(
            f"nobody has handed in {assignment}: expected notebooks in {course.submitted('<student>', assignment)}"
        )
    if again:
        for path in _facts_folder(course, assignment).glob("*.json*"):
            path.unlink()
    grading_seed(course, assignment, again=again)
    judged: list[Judged] = []
    total = len(everybody) + sum(len(teams[one].members) for one in everybody if one in teams)
    for one in _spread(course, assignment, everybody, jobs or jobs_at_once(), scheduler, sandbox):
        team = teams.get(one.report.student)
        for copy in (one,) if team is None else _for_team(one, team):
            judged.append(copy)
            _keep(course, assignment, copy, handed_in_by=one.report.student)
            told(copy, total)
        if team is not None and team.members and not course.settings.practice:
            share_marks(course, assignment, team, memory=_facts_folder(course, assignment) / "team-marks.json")
    return sorted(judged, key=lambda one: one.report.student)


def _for_team(judged: Judged, team: Team) -> list[Judged]:
    """The result of who handed in, with what was noticed about the team, and the same for each member."""
    report = judged.report
    words = [report.message, *team.notes]
    if team.members:
        words.append(f"Handed in for a team: {', '.join(team.members)} get the same result.")
    mine = replace(judged, report=replace(report, message=" ".join(filter(None, words))))
    words = [report.message, f"Handed in by {team.hands_in} for the team."]
    text = " ".join(filter(None, words))
    others = [replace(judged, report=replace(report, student=member, message=text)) for member in team.members]
    return [mine, *others]


def _spread(
    course: Course, assignment: str, students: Sequence[str], jobs: int, scheduler: str | None, sandbox: str | None
) -> Any:
    """Judge submissions on dask.distributed; yields them as they are done."""
    import dask
    from distributed import Client, LocalCluster, as_completed

    # Its profiler calls sys._current_frames a hundred times a second, which can deadlock with the garbage collector and a
    # thread that is just starting (Python 3.11, gh-106883); a grading stood still for that.
    dask.config.set({"distributed.worker.profile.enabled": False})
    if scheduler is None:
        # None would mean port 8787 on every network; two classes may be graded at once, and nobody needs to look in
        here = "127.0.0.1:0"
        cluster = LocalCluster(
            n_workers=1, threads_per_worker=jobs, processes=False, dashboard_address=here, worker_dashboard_address=here
        )
    else:
        cluster = None
    client = Client(cluster if cluster is not None else scheduler, set_as_default=False)
    try:
        futures = [client.submit(_judge_one, course, assignment, student, sandbox, pure=False) for student in students]
        for _, judged in as_completed(futures, loop=client.loop, with_results=True):
            yield judged
    finally:
        client.close()
        if cluster is not None:
            cluster.close()


def _judge_one(course: Course, assignment: str, student: str, sandbox: str | None) -> Judged:
    """One submission, on a worker. Only what the author has to mend comes out as an error."""
    try:
        paths = submitted_notebooks(course, assignment, student)
        return judge_submission(course, assignment, student, paths, sandbox=sandbox)
    except CourseError:
        raise
    except (AutogradeError, OSError) as error:
        outcomes = tuple(
            judge_error(name, cell.label, str(error))
            for name, notebook in course.notebooks(assignment).items()
            for cell in notebook.tests()
        )
        results = [result_of(outcome, None) for outcome in outcomes]
        return Judged(report(student, assignment, results, message=str(error)), outcomes)


def _keep(course: Course, assignment: str, judged: Judged, *, handed_in_by: str) -> None:
    """Write what formgrader and feedback show, and in graded mode the marks. A team's notebooks lie with one of them."""
    student = judged.report.student
    if judged.report.status is Status.MISSING:
        if not course.settings.practice:
            record(course, [judged.report], {})
        return
    books = {}
    paths = submitted_notebooks(course, assignment, handed_in_by)
    for name in course.notebooks(assignment):
        source = read_notebook(course.source(assignment) / f"{name}.ipynb")
        try:
            submitted = read_notebook(paths[name], error=SubmissionError)
        except (KeyError, SubmissionError):
            submitted = source.copy()
            submitted.cells = []
        book, _ = merge(source, submitted)
        results = [result for result in judged.report.tests if result.notebook == name]
        outcomes = {outcome.test: outcome for outcome in judged.outcomes if outcome.notebook == name}
        books[name] = annotate(book, results, outcomes)
    write_autograded(course, student, assignment, books)
    if not course.settings.practice:
        record(course, [judged.report], {student: judged.manual})
