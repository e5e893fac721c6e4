"""One submission: its notebooks found, judged, and shown. What is known already is not judged again.

The facts of a notebook are kept under a name that is a hash of all that they depend on: the student, what was handed in, the
source and the files beside it, the settings, the hidden data's seed, and the judge's own code.
"""

from __future__ import annotations

import functools
import json
import secrets
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nbformat import v4

from .course import Course
from .errors import CourseError, JudgeError, StorageError, SubmissionError
from .gradebook import annotate, stubs, write_autograded
from .jobs import run_job
from .journal import Change, digest, folder_digest, grader_digest, storage, stored_facts, write_whole
from .marks import Entry, enrolled, share_marks, timestamp_problem
from .notebook import Kind, Notebook, merge, name_of, read_notebook, rebuild
from .sandbox import choose_sandbox
from .session import Job
from .teams import Team, find_teams
from .types import SCHEMA_VERSION, Exit, Outcome, Report, Status, TestResult, Verdict
from .verdict import judge_error, report, result_of

__all__ = [
    "Judged",
    "facts_folder",
    "failed",
    "for_team",
    "grader",
    "grading_seed",
    "judge_student",
    "judge_submission",
    "same_name",
    "share_by_hand",
    "sources_digest",
    "submitted_notebooks",
    "teams_of",
]

_Cell = tuple[str, str]  # notebook, grade_id


@dataclass(frozen=True, slots=True)
class Judged:
    """A submission judged, where its facts are, the cells that a person grades, and what its result was made from."""

    report: Report
    journals: tuple[Path, ...] = ()
    failures: tuple[Outcome, ...] = ()  # of the judge, which are not in a journal
    manual: tuple[_Cell, ...] = ()
    tasks: tuple[_Cell, ...] = ()
    unanswered: tuple[_Cell, ...] = ()
    submissions: dict[str, str] = field(default_factory=dict)  # hash of what was judged, by notebook
    sources: dict[str, str] = field(default_factory=dict)  # hash of what it was judged with, by notebook
    submitted_at: str | None = None
    changes: tuple[Change, ...] = ()  # since this submission was last graded

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The facts, read from disk: those of a whole class need not be in memory."""
        tests = {(result.notebook, result.test) for result in self.report.tests}
        found = {(one.notebook, one.test): one for path in self.journals for one in stored_facts(path)}
        return (*(one for name, one in found.items() if name in tests), *self.failures)

    def entry(self, *, only: str | None = None, resubmitted: bool = False) -> Entry:
        """What the gradebook is told; `only`: of this notebook."""

        def mine(cells: tuple[_Cell, ...]) -> tuple[_Cell, ...]:
            return tuple(cell for cell in cells if only in (None, cell[0]))

        tests = tuple(result for result in self.report.tests if only in (None, result.notebook))
        return Entry(
            replace(self.report, tests=tests),
            manual=mine(self.manual),
            tasks=mine(self.tasks),
            unanswered=mine(self.unanswered),
            submitted_at=self.submitted_at,
            resubmitted=resubmitted,
        )


@dataclass(frozen=True, slots=True)
class _Source:
    """An instructor's notebook, and what is made of it once for a class."""

    path: Path
    digest: str
    book: Any
    notebook: Notebook
    stubs: dict[str, str]


@functools.lru_cache(maxsize=64)
def _read_source(path: Path, known_as: str) -> _Source:
    book = read_notebook(path)
    return _Source(path, known_as, book, rebuild(path.stem, book, book), stubs(book))


def _sources(course: Course, assignment: str) -> dict[str, _Source]:
    """The source notebooks by name; read again when anything in their folder has changed."""
    course.check_assignment(assignment)
    paths = sorted(course.source(assignment).glob("*.ipynb"))
    return {path.stem: _read_source(path, folder_digest(path)) for path in paths}


def sources_digest(course: Course, assignment: str) -> str:
    """What an assignment is judged with, as one hash."""
    return digest(*(source.digest for source in _sources(course, assignment).values()))


@functools.cache
def grader() -> str:
    """The judge's own code, as a hash."""
    return grader_digest()


def facts_folder(course: Course, assignment: str) -> Path:
    """Where what is known of an assignment is kept."""
    return course.build("facts", assignment)


def grading_seed(course: Course, assignment: str, *, again: bool = False) -> int:
    """The seed of the hidden data: drawn once for a grading run, kept until the class is graded again."""
    path = facts_folder(course, assignment) / "seed"
    if again or not path.exists():
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, str(secrets.randbelow(2**62)))
    return int(path.read_text())


def judge_submission(
    course: Course,
    assignment: str,
    student: str,
    paths: Mapping[str, Path],
    *,
    sandbox: str | None = None,
    only: str | None = None,
    notes: Sequence[str] = (),
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> Judged:
    """Judge the notebooks of one submission, by name; those not in `paths` are missing. `only`: just that one.

    `sandbox` is auto, bubblewrap or process; by default what the course says.

    Never raises for anything in the submission. `CourseError` passes through: the author has to mend it.
    """
    used, _ = choose_sandbox(sandbox or course.settings.sandbox)
    sources = {name: one for name, one in _sources(course, assignment).items() if only in (None, name)}
    results: list[TestResult] = []
    journals: list[Path] = []
    failures: list[Outcome] = []
    messages: list[str] = []
    manual: list[_Cell] = []
    tasks: list[_Cell] = []
    unanswered: list[_Cell] = []
    submissions: dict[str, str] = {}
    for name, source in sources.items():
        path = paths.get(name)
        problem: str | None = None
        found: list[Outcome] = []
        if path is None:
            problem = f"The notebook {name}.ipynb was not handed in."
        else:
            try:
                merged, _ = merge(source.book, read_notebook(path, error=SubmissionError))
                texts = json.dumps([(cell.cell_type, cell.source) for cell in merged.cells])
                submissions[name] = digest(texts)
                journal = _journal(course, assignment, student, source, submissions[name], used)
                found = _facts(course, assignment, source, path, journal, used, told)
                journals.append(journal)
                failures += [outcome for outcome in found if outcome.exit is Exit.JUDGE_ERROR]
                kinds = {cell.label: cell.kind for cell in source.notebook.cells}
                manual += [(name, label) for label, kind in kinds.items() if kind is Kind.MANUAL]
                tasks += [(name, label) for label in _tasks(source.book)]
                unanswered += [
                    (name, label)
                    for cell in merged.cells
                    if (label := name_of(cell)) in source.stubs
                    and cell.source.strip() in ("", source.stubs[label].strip())
                ]
            except SubmissionError as error:
                problem = str(error)
        if problem is not None:
            messages.append(problem)
        by_test = {outcome.test: outcome for outcome in found}
        for cell in source.notebook.tests():
            if cell.label in by_test:
                results.append(result_of(by_test[cell.label], cell.points, practice=course.settings.practice))
            else:
                results.append(_nothing(course, name, cell.label, cell.points, problem or "It was not run."))
    readable = bool(submissions)
    waits = [cell for cell in manual if cell in tasks or cell not in unanswered]
    status: Status | None = None
    if not paths and not notes:
        status, messages = Status.MISSING, ["Nothing was handed in."]
    elif not readable:
        status = Status.UNREADABLE
    elif waits and not course.settings.practice and not any(result.verdict is Verdict.JE for result in results):
        status = Status.MANUAL
    judge_troubles = [result.message for result in results if result.verdict is Verdict.JE]
    submitted_at, doubt = _submitted_at(course.submitted(student, assignment) / "timestamp.txt")
    judged = report(
        student,
        assignment,
        results,
        status=status,
        sandbox=used if readable else None,
        message=" ".join([*messages, *notes, *doubt, *judge_troubles[:1]]),
    )
    return Judged(
        judged,
        journals=tuple(journals),
        failures=tuple(failures),
        manual=tuple(manual),
        tasks=tuple(tasks),
        unanswered=tuple(unanswered),
        submissions=submissions,
        sources={name: source.digest for name, source in sources.items()},
        submitted_at=submitted_at,
    )


def _tasks(book: Any) -> list[str]:
    """Labels of the cells that describe a task: whatever is done for it, a person looks at."""
    return [str(name_of(cell)) for cell in book.cells if cell.metadata.get("nbgrader", {}).get("task")]


def _submitted_at(path: Path) -> tuple[str | None, list[str]]:
    """When nbgrader says that this was handed in, and what is wrong with that; None where nobody knows."""
    try:
        if not path.is_file():
            return None, []
        with path.open(encoding="utf-8", errors="replace") as file:
            text = file.read(200).strip()
    except OSError:
        return None, []
    problem = timestamp_problem(text) if text else None
    return (text or None, []) if problem is None else (None, [problem])


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


def _rules(course: Course) -> tuple[object, ...]:
    settings = course.settings
    ceilings = sorted(settings.ceilings.items())
    return settings.cell_seconds, settings.test_seconds, settings.ceiling_scale, ceilings, settings.limits


def _source_key(course: Course, assignment: str, source: _Source, sandbox: str) -> str:
    return digest(
        *map(str, (SCHEMA_VERSION, grader(), _rules(course), source.digest, sandbox, grading_seed(course, assignment)))
    )[:24]


def _journal(course: Course, assignment: str, student: str, source: _Source, submission: str, sandbox: str) -> Path:
    """Where the facts of a notebook are kept: under a name that changes with all that they depend on."""
    key = digest(student, source.path.stem, _source_key(course, assignment, source, sandbox), submission)[:24]
    return facts_folder(course, assignment) / f"{key}.jsonl"


def _facts(
    course: Course,
    assignment: str,
    source: _Source,
    path: Path,
    journal: Path,
    sandbox: str,
    told: Callable[[Outcome], None],
) -> list[Outcome]:
    """The outcomes of one notebook: from the journal as far as it goes, the rest by judging."""
    settings = course.settings
    known = {outcome.test: outcome for outcome in stored_facts(journal)}
    wanted = [cell.label for cell in source.notebook.tests()]
    for outcome in known.values():
        told(outcome)
    left = [test for test in wanted if test not in known]
    if left:
        source_key = _source_key(course, assignment, source, sandbox)
        job = Job(
            name=source.notebook.name,
            source=str(source.path),
            submission=str(path.resolve()),
            folder=str(source.path.parent),
            cell_seconds=settings.cell_seconds,
            test_seconds=settings.test_seconds,
            ceiling_scale=settings.ceiling_scale,
            ceilings=dict(settings.ceilings),
            only=tuple(left),
            baselines=str(journal.parent / f"baselines-{source_key}.json"),
            seed=grading_seed(course, assignment),
            sandbox=sandbox,
            limits=settings.limits,
        )
        known |= {outcome.test: outcome for outcome in _judge(job, journal, left, told)}
    return [known[test] for test in wanted if test in known]


def _judge(job: Job, journal: Path, tests: Sequence[str], told: Callable[[Outcome], None]) -> list[Outcome]:
    """Judge, once more if the judge fails; then what is left is for a person, and not journalled."""
    reason = ""
    for _ in range(2):
        done = {outcome.test: outcome for outcome in stored_facts(journal)}
        left = tuple(test for test in tests if test not in done)
        if not left:
            break
        try:
            run_job(replace(job, only=left), journal, told=told)
            reason = "the judge ended without a result"
        except StorageError:
            raise
        except JudgeError as error:
            reason = str(error)
    done = {outcome.test: outcome for outcome in stored_facts(journal)}
    return [done.get(test) or judge_error(job.name, test, reason) for test in tests]


def submitted_notebooks(course: Course, assignment: str, student: str) -> tuple[dict[str, Path], list[str]]:
    """The notebooks that a student has handed in, by the name that they have in the course, and what was noticed.

    One that was renamed is taken for the one that is missing, if its cells leave no doubt.
    """
    sources = _sources(course, assignment)
    folder = course.submitted(student, assignment)
    paths = {same_name(path.stem): path for path in sorted(folder.glob("*.ipynb")) if not path.name.startswith(".")}
    found = {name: paths.pop(same_name(name)) for name in sources if same_name(name) in paths}
    fitting: dict[str, list[Path]] = {}
    notes: list[str] = []
    for path in paths.values():
        names = [name for name, source in sources.items() if _fits(path, source.notebook)]
        present = [name for name in names if name in found]
        if present:
            notes.append(f"{path.name} was not looked at: {present[0]}.ipynb counts.")
        elif len(names) == 1:
            fitting.setdefault(names[0], []).append(path)
    for name, candidates in fitting.items():
        if len(candidates) == 1:
            found[name] = candidates[0]
            notes.append(f"{candidates[0].name} was taken for {name}.ipynb.")
        else:
            some = " and ".join(path.name for path in candidates[:2])
            notes.append(f"There is no {name}.ipynb, and {some} could be it: leave one of them.")
    return {name: found[name] for name in sources if name in found}, notes


def same_name(name: str) -> str:
    """A name as it is compared: file systems and lists write letters with accents in two ways."""
    return unicodedata.normalize("NFC", name)


def _fits(path: Path, notebook: Notebook) -> bool:
    """Whether a file has most of the cells that students fill in."""
    wanted = {cell.label for cell in notebook.cells if cell.kind in (Kind.SOLUTION, Kind.MANUAL)}
    try:
        there = {name_of(cell) for cell in read_notebook(path, error=SubmissionError).cells}
    except SubmissionError:
        return False
    return bool(wanted) and 2 * len(wanted & there) > len(wanted)


def judge_student(course: Course, assignment: str, student: str, *, sandbox: str | None = None) -> Judged:
    """Judge what a student has handed in, and write what formgrader and feedback show of it.

    Never raises for anything in the submission; `CourseError` and `StorageError` stop a class.
    """
    try:
        paths, notes = submitted_notebooks(course, assignment, student)
        judged = judge_submission(course, assignment, student, paths, sandbox=sandbox, notes=notes)
        if judged.report.status is not Status.MISSING:
            _show(course, assignment, judged, paths)
    except (CourseError, StorageError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever goes wrong with one submission is a judge error of that one alone
        return failed(course, assignment, student, error)
    return judged


def failed(course: Course, assignment: str, student: str, error: Exception) -> Judged:
    """What is said of a submission when the judge failed before it came to any test."""
    cells = [(name, cell) for name, source in _sources(course, assignment).items() for cell in source.notebook.tests()]
    outcomes = tuple(judge_error(name, cell.label, str(error)) for name, cell in cells)
    results = [
        result_of(outcome, cell.points, practice=course.settings.practice)
        for outcome, (_, cell) in zip(outcomes, cells, strict=True)
    ]
    return Judged(report(student, assignment, results, message=str(error)), failures=outcomes)


def teams_of(course: Course, assignment: str, roster: Sequence[str] = ()) -> dict[str, Team]:
    """The teams of an assignment, by who hands in: of people on the roster, in submitted/, or in the gradebook."""
    known = set(roster).union(*(course.students(name) for name in course.assignments()))
    found = find_teams(course, assignment, known=known)
    if not found or course.settings.practice:
        return found  # without a team nobody waits for a gradebook that somebody else has open
    return find_teams(course, assignment, known=known | enrolled(course))


def share_by_hand(course: Course, assignment: str, team: Team) -> None:
    """Copy the marks and comments that people gave the one who handed in to the members, in the gradebook."""
    share_marks(course, assignment, team, memory=facts_folder(course, assignment) / "team-marks.json")


def for_team(course: Course, assignment: str, judged: Judged, team: Team, *, only: str | None = None) -> list[Judged]:
    """The result of who handed in, with what was noticed about the team, and the same for each member, shown as theirs.

    `only`: that notebook alone was judged, and is shown.
    """
    report = judged.report
    words = [report.message, *team.notes]
    if team.members:
        words.append(f"Handed in for a team: {', '.join(team.members)} get the same result.")
    mine = replace(judged, report=replace(report, message=" ".join(filter(None, words))))
    text = " ".join(filter(None, [report.message, f"Handed in by {team.hands_in} for the team."]))
    others = [replace(judged, report=replace(report, student=member, message=text)) for member in team.members]
    paths, _ = submitted_notebooks(course, assignment, team.hands_in)
    for other in others:
        _show(course, assignment, other, paths, only=only, handed_in_by=team.hands_in)
    return [mine, *others]


def _show(
    course: Course,
    assignment: str,
    judged: Judged,
    paths: Mapping[str, Path],
    *,
    only: str | None = None,
    handed_in_by: str | None = None,
) -> None:
    """Write what formgrader and feedback show; on top, who handed it in if it was somebody else."""
    books = {}
    outcomes = judged.outcomes
    for name, source in _sources(course, assignment).items():
        if only not in (None, name):
            continue
        try:
            submitted = read_notebook(paths[name], error=SubmissionError)
        except (KeyError, SubmissionError):
            submitted = source.book.copy()
            submitted.cells = []
        book, _ = merge(source.book, submitted)
        results = [result for result in judged.report.tests if result.notebook == name]
        books[name] = annotate(book, results, {one.test: one for one in outcomes if one.notebook == name})
        if handed_in_by is not None:
            words = (
                f"**Handed in by `{handed_in_by}` for the team.** Marks given to `{handed_in_by}` are copied to all."
            )
            books[name].cells.insert(0, v4.new_markdown_cell(words))
    write_autograded(course, judged.report.student, assignment, books)
