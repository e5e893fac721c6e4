"""Commands for a class: how far the room is, and what came of what was handed in."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.markup import escape
from rich.table import Table

from .console import (
    JUDGE_FAILED,
    PASSED,
    course_of,
    format_option,
    output,
    print_rows,
    progress_bar,
    sandbox_option,
    tell_sandbox,
)
from .errors import CourseError
from .types import Report, Verdict, to_jsonable

__all__ = ["board", "collect", "demo", "feedback", "grade", "report"]


@click.command()
@click.argument("assignments", nargs=-1)
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: any free one.")
@click.option("--host", default="", help="Listen here only, for example 127.0.0.1; default: the whole network.")
@click.option("--add", "added", metavar="TEXT", help="Add the codes in TEXT (a chat, say; - reads standard input).")
@click.option("--counts", "only_counts", is_flag=True, help="Print the counts, and show no page.")
@click.option("--reset", is_flag=True, help="Forget what was told, for a new day.")
@format_option
@click.pass_context
def board(
    ctx: click.Context,
    assignments: tuple[str, ...],
    port: int,
    host: str,
    added: str | None,
    only_counts: bool,
    reset: bool,
    style: str,
) -> None:
    """Show the room how far it is: for each exercise how many are through, and how the others fail. No names, no ranking.

    Students report by choice, `autograde check --board ADDRESS`, or paste what `autograde check --code` prints. Kept in
    build/board.txt is a random number for each laptop, and its verdicts.

    \b
    Example:
      autograde board 2-conversion
      autograde board --add "ag1... ag1..."
      autograde board --counts --format csv
    """
    from .board import add, counts, decode, forget, places_of, read

    course = course_of(ctx)
    places, path = places_of(course, assignments), course.build("board.txt")
    if reset:
        click.echo(f"forgot {forget(path)} laptops")
    if added is not None:
        text = sys.stdin.read() if added == "-" else added
        click.echo(f"{add(path, decode(text), places)} taken", err=True)
    if only_counts or added is not None or reset:
        if only_counts:
            _print_counts(counts(read(path).values(), places), style)
        return
    from .board_server import application, serve

    def told(where: tuple[str, ...]) -> None:
        click.echo(f"the room's board: {where[0]}  (students: autograde check release --board {where[0]})")
        for other in where[1:]:
            click.echo(f"  on this machine: {other}")
        click.echo("It stays until Ctrl-C, and knows all again when it is started anew.")

    serve(
        application(path, places, title=str(course.config.CourseDirectory.course_id)), port=port, host=host, told=told
    )


def _print_counts(found: Sequence[Any], style: str) -> None:
    rows = [
        {**to_jsonable(one.place), "through": one.through, "tried": one.tried}
        | {verdict.value: one.tally.get(verdict, 0) for verdict in Verdict}
        for one in found
    ]

    def table() -> None:
        sheet = Table("notebook", "exercise", "the room")
        for one in found:
            sheet.add_row(escape(one.place.notebook), escape(one.place.exercise), one.words)
        output().print(sheet)

    print_rows(style, list(rows[0]) if rows else [], rows, table)


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--roster",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Who is in the class, one a line: the name of the folder first, then (CSV) other names of the same person.",
)
@click.option("--assignment", default=None, help="Which one, where names of notebooks leave it open.")
@click.option("--replace", is_flag=True, help="Replace what lies in submitted/ already.")
@click.option(
    "--also",
    multiple=True,
    metavar="NAME",
    help="Another file to collect, such as data_card.yml. team.yml comes along where the assignment is for teams.",
)
@format_option
@click.pass_context
def collect(
    ctx: click.Context,
    source: Path,
    roster: Path | None,
    assignment: str | None,
    replace: bool,
    also: tuple[str, ...],
    style: str,
) -> None:
    """Bring what students have handed in to submitted/<student>/<assignment>/. SOURCE is the zip of a learning platform
    (folders such as `Name_1234_assignsubmission_file_`), a folder for each student, or notebooks named `ada_imaging.ipynb`.

    An archive with links, paths that lead out of it, or huge files is refused as a whole.

    \b
    Example:
      autograde collect ~/Downloads/conversion.zip --roster roster.csv
    """
    from .collect import collect as collect_from
    from .collect import read_people

    course = course_of(ctx)
    people = read_people(_read_rows(roster)) if roster else ()
    done = collect_from(course, source, people=people, assignment=assignment, replace=replace, also=also)

    def table() -> None:
        sheet = Table("student", "assignment", "notebook", "status", "from")
        for one in done.notebooks:
            name = one.notebook + (one.suffix if one.suffix != ".ipynb" else "")
            sheet.add_row(*map(escape, (one.student, one.assignment, name, one.status, one.place)))
        output().print(sheet)
        place = course.submitted("<student>", "<assignment>").relative_to(course.root)
        there = Counter(
            one.assignment for one in done.notebooks if one.status in ("collected", "replaced", "unchanged")
        )
        for name, count in there.items():
            click.echo(f"{count} in {place}; next: autograde grade {name}" + (f" --roster {roster}" if roster else ""))
        if any(one.status == "kept" for one in done.notebooks):
            click.echo("kept: another version lies in submitted/ already; --replace takes the new one")

    rows = [to_jsonable(one) for one in done.notebooks]
    rows += [
        {"student": student, "assignment": name, "notebook": "", "status": "missing", "place": ""}
        for student, name in done.missing
    ]
    print_rows(style, ["student", "assignment", "notebook", "status", "place"], rows, table)
    for status, words in (
        ("unknown student", "not on the roster, not collected"),
        ("duplicate", "an older copy, left out"),
    ):
        for one in done.notebooks:
            if one.status == status:
                click.echo(f"autograde: {one.place}: {words}", err=True)
    for student, name in done.missing:
        click.echo(f"autograde: {student} has handed in nothing for {name}", err=True)
    if done.ignored:
        some = ", ".join(done.ignored[:3]) + (", ..." if len(done.ignored) > 3 else "")
        click.echo(f"autograde: {len(done.ignored)} files are no notebook of the course: {some}", err=True)


@click.command()
@click.argument("assignment")
@click.option("--student", "students", multiple=True, help="Only this student; may be given more than once.")
@click.option(
    "--roster", type=click.Path(path_type=Path, dir_okay=False), help="Who should have handed in: one name a line."
)
@click.option("--jobs", type=click.IntRange(1), default=None, help="Submissions at once; default: by cores and memory.")
@click.option(
    "--scheduler", default=None, metavar="ADDRESS", help="A dask scheduler whose workers see the same folder."
)
@sandbox_option
@click.option("--again", "--force", "again", is_flag=True, help="Judge everything again, with new hidden data.")
@format_option
@click.pass_context
def grade(
    ctx: click.Context,
    assignment: str,
    students: tuple[str, ...],
    roster: Path | None,
    jobs: int | None,
    scheduler: str | None,
    sandbox: str | None,
    again: bool,
    style: str,
) -> None:
    """Judge what has been handed in for an assignment (submitted/<student>/<assignment>/).

    May be stopped at any time: the same command goes on where it was. Only what changed is judged again, and marks that
    changed are listed. In graded mode the marks go into the gradebook; those given by hand stay.

    \b
    Example:
      autograde grade 2-conversion --roster roster.csv --format json
    """
    from . import cohort

    course = course_of(ctx)
    if scheduler is None:
        tell_sandbox(sandbox or course.settings.sandbox)
    names = _read_roster(roster)
    with progress_bar(f"grade {assignment}") as progress:
        task = progress.add_task("")

        verdicts: Counter[str] = Counter()

        def told(judged: cohort.Judged, total: int) -> None:
            verdicts.update(test.verdict.words if test.verdict else "for a person" for test in judged.report.tests)
            so_far = ", ".join(f"{count} {words}" for words, count in verdicts.most_common())
            progress.update(task, advance=1, total=total, description=f"{escape(judged.report.student)}  ({so_far})")
            for change in judged.changes:
                progress.console.print(f"changed: {change}", highlight=False, markup=False, soft_wrap=True)

        judged = cohort.grade(
            course,
            assignment,
            students=students or None,
            roster=names,
            jobs=jobs,
            scheduler=scheduler,
            sandbox=sandbox,
            again=again,
            told=told,
        )
    for path in cohort.strays(course):
        click.echo(f"autograde: {path} is no assignment of this course; nobody looks at it", err=True)
    reports = [one.report for one in judged]
    if style == "json":
        click.echo(json.dumps([to_jsonable(report) for report in reports], indent=2, ensure_ascii=False))
    else:
        rows = [{"student": report.student, **to_jsonable(test)} for report in reports for test in report.tests]
        print_rows(style, list(rows[0]) if rows else [], rows, lambda: output().print(_class_table(reports)))
    ctx.exit(JUDGE_FAILED if any(report.status == "judge_error" for report in reports) else PASSED)


def _class_table(reports: Sequence[Report]) -> Table:
    """A row per student: what became of the submission, and the exercises that do not pass yet."""
    sheet = Table(show_lines=False)
    sheet.add_column("student")
    sheet.add_column("status")
    sheet.add_column("pass", justify="right")
    marked = any(report.max_score is not None for report in reports)
    if marked:
        sheet.add_column("points", justify="right")
    sheet.add_column("not yet", overflow="fold")
    for report in reports:
        passed = sum(result.verdict is Verdict.AC for result in report.tests)
        failing: dict[str, list[str]] = {}
        for result in report.tests:
            if result.verdict is not None and result.verdict is not Verdict.AC:
                failing.setdefault(result.verdict.words, []).append(result.test.removeprefix("test_"))
        lines = ["; ".join(f"{verdict}: {', '.join(tests)}" for verdict, tests in failing.items())]
        if report.status in ("missing", "unreadable"):
            lines = []
        if report.status == "manual":
            lines.append("waits for a person: formgrader, Manual Grading")
        points = "" if report.max_score is None else f"{report.score:g}/{report.max_score:g}"
        sheet.add_row(
            escape(report.student),
            report.status.value,
            f"{passed}/{len(report.tests)}" if report.tests else "",
            *([points] if marked else []),
            escape("\n".join(filter(None, [*lines, report.message]))),
        )
    return sheet


@click.command()
@click.argument("assignment")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Default: build/report/<assignment>.")
@click.option(
    "--roster", type=click.Path(path_type=Path, dir_okay=False), help="Who should have handed in: one name a line."
)
@click.pass_context
def report(ctx: click.Context, assignment: str, out: Path | None, roster: Path | None) -> None:
    """Write the class as web pages: a row per student, a column per test, memory against ceiling. Judges only what is new.

    \b
    Example:
      autograde report 2-conversion && xdg-open build/report/2-conversion/index.html
    """
    from . import cohort
    from .marks import final_marks
    from .report import write_report

    course = course_of(ctx)
    with progress_bar(f"report {assignment}") as progress:
        task = progress.add_task("")
        judged = cohort.grade(
            course,
            assignment,
            roster=_read_roster(roster),
            told=lambda one, total: progress.update(task, advance=1, total=total, description=one.report.student),
        )
    folder = out or course.build("report", assignment)
    page = write_report(
        folder,
        [one.report for one in judged],
        title=assignment,
        outcomes={(one.report.student, fact.notebook, fact.test): fact for one in judged for fact in one.outcomes},
        marks={} if course.settings.practice else final_marks(course, assignment),
        links=_feedback_links(course, assignment, folder),
        practice=course.settings.practice,
    )
    click.echo(f"report: {page}")


def _feedback_links(course: Any, assignment: str, folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Where each student's feedback lies, as seen from a report in `folder`."""
    return {
        student: [
            (path.stem, quote(Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()))
            for path in sorted(course.folder("feedback", student, assignment).glob("*.html"))
        ]
        for student in course.graded(assignment)
    }


@click.command()
@click.argument("assignment")
@click.option("--student", "students", multiple=True, help="Only this student; may be given more than once.")
@click.option("--hidden-tests", is_flag=True, help="Show the text of hidden tests, too, not only what they say.")
@format_option
@click.pass_context
def feedback(ctx: click.Context, assignment: str, students: tuple[str, ...], hidden_tests: bool, style: str) -> None:
    """Write what students get back: their notebooks as pages, with verdicts, memory charts, explanations and points.

    Into feedback/<student>/<assignment>/, from what `autograde grade` has found and people have marked. Nothing in a page
    runs, whoever wrote it; `nbgrader release_feedback` hands them out.

    \b
    Example:
      autograde feedback 2-conversion
      autograde feedback 2-conversion --student ada --hidden-tests
    """
    from .feedback import write_feedback

    course = course_of(ctx)
    with progress_bar(f"feedback {assignment}") as progress:
        task = progress.add_task("")
        pages = write_feedback(
            course,
            assignment,
            students=students or None,
            hidden_tests=hidden_tests,
            told=lambda name, total: progress.update(task, advance=1, total=total, description=escape(name)),
        )
    rows = [{"student": page.student, "notebook": page.notebook, "path": str(page.path)} for page in pages]

    def table() -> None:
        folder = course.folder("feedback", "<student>", assignment)
        people = len({page.student for page in pages})
        click.echo(f"feedback for {people} student{'s' * (people != 1)}: {folder}")

    print_rows(style, ["student", "notebook", "path"], rows, table)


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Default: build/demo.")
@click.option("--scale", type=click.Choice(["tiny", "laptop"]), default="laptop", show_default=True)
@click.pass_context
def demo(ctx: click.Context, out: Path | None, scale: str) -> None:
    """Grade a made-up class, right, wrong, hungry, slow, crashing, hostile, damaged and missing, and write its report.

    \b
    Example:
      autograde demo
    """
    from .demo import play

    os.environ["AUTOGRADE_SCALE"] = scale
    course = course_of(ctx)
    with progress_bar("demo") as progress:
        task = progress.add_task("")
        shown = play(
            course,
            out or course.build("demo"),
            told=lambda one, total: progress.update(task, advance=1, total=total, description=one.report.student),
        )
    output().print(_class_table(shown.reports))
    click.echo(f"\nreport: {shown.page}")


def _read_rows(path: Path) -> list[list[str]]:
    """The lines of a roster, a CSV or text file, that are not empty."""
    try:
        return [row for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if row]
    except OSError as error:
        raise CourseError(f"the roster {path} cannot be read: {error.strerror}") from error


def _read_roster(path: Path | None) -> list[str]:
    """Names from the first column, without a heading such as `id` or `student`."""
    lines = [row[0].strip() for row in _read_rows(path)] if path else []
    return [line for line in lines if line and line.lower() not in ("id", "student", "student_id", "name")]
