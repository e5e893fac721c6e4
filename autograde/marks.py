"""The marks of a class in nbgrader's gradebook, through nbgrader's own interface; one writer at a time.

A gradebook that is locked or out of reach stops nobody: judging goes on, the marks wait, and are written as soon as they
can be. What never could be written is an error at the end; the results are in the journal, and the next run writes them.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from nbgrader.api import Gradebook, InvalidEntry, MissingEntry
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import AssignLatePenalties
from nbgrader.utils import parse_utc
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SAWarning, SQLAlchemyError

from .classview import Mark
from .course import Course
from .errors import CourseError, StorageError
from .journal import write_whole
from .teams import Team
from .types import Report, Status, TestResult

__all__ = [
    *(
        "Entry",
        "Marks",
        "begin_gradebook",
        "database_url",
        "enrolled",
        "final_marks",
        "share_marks",
        "timestamp_problem",
    ),
]

#: How long the marks that could not be written are tried again at the end.
_PATIENCE_SECONDS = 20.0
#: How long a database is waited for that somebody else is writing to.
_WAIT_SECONDS = 5.0
_Cell = tuple[str, str]  # notebook, grade_id


class _Book(Gradebook):  # type: ignore[misc]
    """nbgrader's gradebook, which leaves its connections open when it cannot read the database (a locked one, say)."""

    def __init__(self, url: str, course_id: str) -> None:
        begin_gradebook(url)
        try:
            super().__init__(url, course_id)
        except BaseException:
            if hasattr(self, "engine"):
                self.close()
            raise


@dataclass(frozen=True, slots=True)
class Entry:
    """What the gradebook is told of one submission."""

    report: Report
    manual: tuple[_Cell, ...] = ()  # cells that a person grades
    tasks: tuple[_Cell, ...] = ()  # of those, the ones that have no text of the student's to look for
    unanswered: tuple[_Cell, ...] = ()  # solution cells that are as they were handed out
    submitted_at: str | None = None  # as nbgrader writes it into timestamp.txt
    resubmitted: bool = False  # not what was graded last time


def begin_gradebook(url: str) -> None:
    """Give a gradebook that has no tables yet the version of nbgrader's, so that nbgrader need not ask for it.

    It would start `alembic`, which takes seconds and is found only where this environment's programs are on PATH.
    """
    engine = create_engine(url)
    try:
        if inspect(engine).get_table_names():
            return
        version = ScriptDirectory(ALEMBIC_DIR).get_current_head()
        with engine.begin() as connection:  # another writer may do the same at this moment
            connection.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) NOT NULL)"))
            connection.execute(
                text("INSERT INTO alembic_version SELECT :version WHERE NOT EXISTS (SELECT * FROM alembic_version)"),
                {"version": version},
            )
    finally:
        engine.dispose()


class Marks:
    """The gradebook of one assignment while a class is graded; a context manager.

    `put` writes, or keeps what cannot be written yet; leaving writes the rest, or raises `StorageError`.
    """

    def __init__(self, course: Course, assignment: str, *, patience_seconds: float | None = None) -> None:
        self._course = course
        self._assignment = assignment
        self._patience_seconds = _PATIENCE_SECONDS if patience_seconds is None else patience_seconds
        self._url = database_url(course)
        self._course_id = _course_id(course)
        self._late = _late_plugin(course)
        self._book: Any = None
        self._waiting: list[Entry] = []
        self._problem = ""

    def __enter__(self) -> Marks:
        try:
            self._open()
        except (SQLAlchemyError, InvalidEntry) as error:
            self._give_up(error)
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if self._waiting and kind is None:
                self._finish()
        finally:
            self._close()

    def put(self, entry: Entry) -> list[Entry]:
        """Write a submission's marks, and those that waited. Returns what is in the gradebook now, in order."""
        self._waiting.append(entry)
        return self._flush()

    def _flush(self) -> list[Entry]:
        done = []
        try:
            self._open()
            while self._waiting:
                self._write(self._waiting[0])
                done.append(self._waiting.pop(0))
        except (SQLAlchemyError, InvalidEntry) as error:
            self._give_up(error)
        return done

    def _finish(self) -> None:
        end = time.monotonic() + self._patience_seconds
        while self._flush() or self._waiting:
            if self._waiting and time.monotonic() > end:
                names = ", ".join(entry.report.student for entry in self._waiting[:5])
                raise StorageError(
                    f"the gradebook {self._place()} does not take the marks of {len(self._waiting)} submissions ({names}"
                    f"{', ...' if len(self._waiting) > 5 else ''}): {self._problem}. Close what else has it open, or bring "
                    "it back, and run the same command again; nothing has to be judged again."
                )
            time.sleep(0.2)

    def _place(self) -> str:
        return str(make_url(self._url).render_as_string(hide_password=True))

    def _open(self) -> None:
        """Open the gradebook unless it is. Raises `CourseError` when the assignment has not been released."""
        if self._book is not None:
            return
        url = make_url(self._url)
        if url.get_backend_name() == "sqlite":
            url = url.update_query_dict({"timeout": str(_WAIT_SECONDS)})
        self._book = _Book(url.render_as_string(hide_password=False), self._course_id)
        try:
            self._book.find_assignment(self._assignment)
        except MissingEntry:
            self._close()
            raise CourseError(
                f"{self._assignment} is not in the gradebook yet: run `autograde release {self._assignment}` first"
            ) from None

    def _give_up(self, error: Exception) -> None:
        self._problem = str(getattr(error, "orig", None) or error).splitlines()[0]
        self._close()

    def _close(self) -> None:
        book, self._book = self._book, None
        if book is not None:
            book.close()

    def _write(self, entry: Entry) -> None:
        report, book = entry.report, self._book
        with warnings.catch_warnings():
            # nbgrader 0.9.6 makes a submission's grades before it adds the submission to the session, and SQLAlchemy says so
            warnings.simplefilter("ignore", category=SAWarning)
            book.update_or_create_student(report.student)
            if report.status is Status.MISSING:
                return  # nothing was handed in: no submission, as nbgrader has it
            when = {"timestamp": entry.submitted_at} if entry.submitted_at else {}
            submission = book.update_or_create_submission(report.assignment, report.student, **when)
        grades = {
            (notebook.name, grade.cell.name): grade for notebook in submission.notebooks for grade in notebook.grades
        }
        try:
            for result in report.tests:
                _save(grades[result.notebook, result.test], result)
            for cell in entry.manual:
                _save_manual(grades[cell], entry, cell)
        except KeyError as error:
            book.db.rollback()
            notebook, cell = error.args[0]
            raise CourseError(
                f"the gradebook has no cell `{cell}` of {notebook}.ipynb for {report.student}: source/ is newer than the "
                f"release. Run `autograde release {report.assignment}`, and grade again."
            ) from None
        for notebook in submission.notebooks:
            for comment in notebook.comments:
                left = (notebook.name, comment.name) in entry.unanswered
                comment.auto_comment = "No response." if left else None
        book.db.flush()
        self._penalize(submission)
        book.db.commit()
        book.db.expunge_all()  # a class of thousands shall not gather in memory

    def _penalize(self, submission: Any) -> None:
        """Late penalties, by whatever plugin nbgrader is set up with."""
        if self._late is None:
            return
        for notebook in submission.notebooks:
            notebook.late_submission_penalty = None
            self._book.db.flush()
            self._book.db.refresh(notebook)
            if submission.total_seconds_late > 0:
                seconds = submission.total_seconds_late
                penalty = self._late.late_submission_penalty(submission.student.id, notebook.score, seconds)
                if penalty is not None:
                    notebook.late_submission_penalty = min(max(float(penalty), 0.0), notebook.score)


def _save(grade: Any, result: TestResult) -> None:
    """Points of a test. A mark by hand stays, and is to be looked at again when ours is another now."""
    before, grade.auto_score = grade.auto_score, result.points
    if result.points is None:  # nbgrader would count a missing score as 0; the flag says that a person has to look
        grade.needs_manual_grade = True
    elif grade.manual_score is None:
        grade.needs_manual_grade = False
    elif before != result.points:
        grade.needs_manual_grade = True


def _save_manual(grade: Any, entry: Entry, cell: _Cell) -> None:
    """A cell that a person grades: an answer that was left as it was handed out has zero points, as nbgrader has it."""
    nothing = cell in entry.unanswered and cell not in entry.tasks
    grade.auto_score = 0.0 if nothing else None
    if grade.manual_score is None:
        grade.needs_manual_grade = not nothing
    elif entry.resubmitted:
        grade.needs_manual_grade = True


def share_marks(course: Course, assignment: str, team: Team, *, memory: Path) -> None:
    """Copy the marks and comments that a person gave the one who handed in to the members of the team.

    A mark that a person gave a member directly stays: `memory`, a JSON file, says which ones were copied here. Extra credit
    is never copied: it is for what one member did beyond the team.
    """
    before: dict[str, list[Any]] = json.loads(memory.read_text(encoding="utf-8")) if memory.exists() else {}
    after = dict(before)
    with _Book(database_url(course), _course_id(course)) as book:
        for notebook in book.find_submission(assignment, team.hands_in).notebooks:
            for grade in notebook.grades:
                names = (grade.name, notebook.name, assignment)
                for member in team.members:
                    theirs = book.find_grade(*names, member)
                    key = "/".join((member, notebook.name, grade.name))
                    if theirs.manual_score in (None, before.get(key, [None, None])[0]):
                        theirs.manual_score = grade.manual_score
                        theirs.needs_manual_grade = grade.needs_manual_grade
                        after[key] = [grade.manual_score, after.get(key, [None, None])[1]]
            for comment in notebook.comments:
                for member in team.members:
                    theirs = book.find_comment(comment.name, notebook.name, assignment, member)
                    key = "/".join((member, notebook.name, comment.name))
                    if theirs.manual_comment in (None, before.get(key, [None, None])[1]):
                        theirs.manual_comment = comment.manual_comment
                        after[key] = [after.get(key, [None, None])[0], comment.manual_comment]
        book.db.commit()
        write_whole(memory, json.dumps(after))


def enrolled(course: Course) -> frozenset[str]:
    """The ids of everybody whom the gradebook knows. Raises `StorageError` where it cannot be read."""
    try:
        with _Book(database_url(course), _course_id(course)) as book:
            return frozenset(str(one.id) for one in book.students)
    except SQLAlchemyError as error:
        raise StorageError(f"the gradebook cannot be read: {error}") from error


def _course_id(course: Course) -> str:
    return str(course.config.CourseDirectory.get("course_id") or "default_course")


def database_url(course: Course) -> str:
    """The address of the gradebook; a file is looked for from the course directory, wherever the command was given."""
    given = str(course.config.CourseDirectory.get("db_url") or "sqlite:///gradebook.db")
    try:
        url = make_url(given)
        url.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise CourseError(
            f"c.CourseDirectory.db_url is {given.partition('://')[0]}://..., which cannot be used here: {error}. Expected "
            "an address that SQLAlchemy takes, and its driver installed."
        ) from error
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        url = url.set(database=str(course.root / url.database))
    return str(url.render_as_string(hide_password=False))


def _late_plugin(course: Course) -> Any:
    """nbgrader's plugin for late submissions as the course sets it up; None where the course leaves penalties out."""
    steps = course.config.Autograde.get("autograde_preprocessors")
    if steps is not None and not any(
        str(getattr(one, "__name__", one)).endswith("AssignLatePenalties") for one in steps
    ):
        return None
    step = AssignLatePenalties(config=course.config)
    step.init_plugin()
    return step.plugin_inst


def timestamp_problem(text: str) -> str | None:
    """What is wrong with the text of a timestamp.txt; None: nothing."""
    try:
        parse_utc(text)
    except (ValueError, OverflowError, TypeError) as error:
        return f"timestamp.txt does not hold a time ({error}), so nobody can tell whether this is late."
    return None


def final_marks(course: Course, assignment: str) -> Mapping[str, Mark]:
    """What the gradebook says of everybody who has a submission for `assignment`, by student."""
    try:
        with _Book(database_url(course), _course_id(course)) as book:
            try:
                book.find_assignment(assignment)
            except MissingEntry:
                return {}
            return dict(_marks(book.assignment_submissions(assignment)))
    except SQLAlchemyError as error:
        raise StorageError(f"the gradebook cannot be read: {error}") from error


def _marks(submissions: Iterable[Any]) -> Iterator[tuple[str, Mark]]:
    for one in submissions:
        penalty = float(one.late_submission_penalty or 0.0)
        who = one.student
        yield (
            str(who.id),
            Mark(
                score=float(one.score or 0.0) - penalty,
                max_score=float(one.max_score or 0.0),
                late_penalty=penalty,
                waits_for_person=bool(one.needs_manual_grade),
                first_name=who.first_name or "",
                last_name=who.last_name or "",
                email=who.email or "",
            ),
        )
