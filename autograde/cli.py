"""The command `autograde`: parse, call, print. The only place that prints or exits."""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from . import __version__
from .errors import AutogradeError, CourseError
from .types import Report, TestResult, Verdict, format_bytes, to_jsonable

__all__ = ["main"]

_PASSED, _NOT_PASSED, _WRONG_USE, _JUDGE_FAILED = 0, 1, 2, 3


def _output(wide: bool = False) -> Console:
    """Where results go. A pipe has no width of its own, and must not wrap them."""
    return Console(width=None if sys.stdout.isatty() else 180, highlight=False, soft_wrap=wide)


def _progress(what: str) -> Progress:
    """Bar, count and time left, on standard error so that results can be piped."""
    return Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
        transient=True,
    )


#: What there is, for whom, in the order of use.
_COMMANDS = {
    "Your own notebooks": {
        "check": "Which exercises are done, and what kind of not yet.",
        "catchup": "Put a reference in: after a pass, or with a code.",
        "update": "Carry your answers into a mended release.",
        "terabyte": "Run a function on one terabyte, watched.",
    },
    "A class": {
        "release": "Make what students get from source/.",
        "verify": "Prove the tests of an assignment.",
        "kit": "All that students need: folder, zip, git.",
        "board": "How far the room is, without names.",
        "collect": "Bring what was handed in to submitted/.",
        "grade": "Judge what lies in submitted/.",
        "report": "The class as web pages.",
        "feedback": "What students get back (graded mode).",
    },
    "This machine": {
        "doctor": "What its meter sees, and what is in the way.",
        "data": "Make, list and remove data sets.",
        "demo": "Grade a made-up class, and report on it.",
    },
}


class _Group(click.Group):
    """Lists its commands by whom they are for; turns errors into one sentence and an exit code."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, commands in _COMMANDS.items():
            with formatter.section(section):
                formatter.write_dl(list(commands.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CourseError as error:
            click.echo(f"autograde: {error}", err=True)
            ctx.exit(_WRONG_USE)
        except AutogradeError as error:
            click.echo(f"autograde: the judge failed: {error}", err=True)
            ctx.exit(_JUDGE_FAILED)
        except KeyboardInterrupt:
            click.echo(
                "autograde: interrupted; what was finished is kept, the same command goes on from here", err=True
            )
            ctx.exit(130)
        except OSError as error:
            if error.errno is None:
                raise
            where = f" ({error.filename})" if error.filename else ""
            click.echo(
                f"autograde: {error.strerror}{where}. Nothing half-written was kept; mend it and run again.", err=True
            )
            ctx.exit(_JUDGE_FAILED)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="autograde")
@click.option(
    "--course",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="A folder in the course directory; default: here.",
)
@click.pass_context
def main(ctx: click.Context, root: Path) -> None:
    """Exercises on arrays that do not fit in memory: release them, check them, grade a class.

    Works in any nbgrader course directory (a folder with nbgrader_config.py and source/).

    \b
    Example:
      autograde release 2-conversion      make the student version
      autograde check imaging.ipynb       how far am I?
      autograde grade 2-conversion        judge everything in submitted/
    """
    ctx.obj = root


def _course(ctx: click.Context) -> Any:
    from .course import find_course

    return find_course(ctx.obj)


_format = click.option(
    "--format", "style", type=click.Choice(["table", "json", "csv"]), default="table", help="How results are printed."
)


_sandbox = click.option(
    "--sandbox",
    type=click.Choice(["auto", "bubblewrap", "process"]),
    default=None,
    help="Around submissions; default: c.CourseSettings.sandbox, or auto: bubblewrap where it works.",
)


def _tell_sandbox(wanted: str) -> str:
    """The sandbox that will be used; says so where it is not what one would expect."""
    from .sandbox import choose_sandbox

    used, remark = choose_sandbox(wanted)
    if remark is not None:
        click.echo(f"autograde: {remark}", err=True)
    return used


def _print_rows(style: str, columns: Sequence[str], rows: Sequence[dict[str, Any]], table: Callable[[], None]) -> None:
    if style == "json":
        click.echo(json.dumps(list(rows), indent=2, ensure_ascii=False))
    elif style == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({name: _no_formula(value) for name, value in row.items()} for row in rows)
        click.echo(text.getvalue(), nl=False)
    else:
        table()


def _no_formula(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula; numbers as they are."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


# --- data -------------------------------------------------------------------------------------------------------------


@main.command()
@click.argument("names", nargs=-1)
@click.option(
    "--scale", type=click.Choice(["tiny", "laptop", "full"]), default=None, help="How large; default: laptop."
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--remove", is_flag=True, help="Remove the data that has been made.")
@click.option(
    "--real",
    is_flag=False,
    flag_value="list",
    metavar="[NAME]",
    help="Real data, from its archive: licence and files first; without a name what there is.",
)
@click.option("--file", "files", multiple=True, metavar="PATTERN", help="With --real: download these, such as '*.zip'.")
@click.option("--yes", is_flag=True, help="With --file: do not ask again.")
@_format
@click.pass_context
def data(
    ctx: click.Context,
    names: tuple[str, ...],
    scale: str | None,
    seed: int,
    remove: bool,
    real: str | None,
    files: tuple[str, ...],
    yes: bool,
    style: str,
) -> None:
    """Make data sets, or list (and remove) what has been made.

    \b
    Example:
      autograde data                      what is there?
      autograde data whole_organ --scale tiny
      autograde data --real               real recordings, for those who are online
      autograde data --real idr --file "2/*" --file zarr.json
    """
    from data_scripts import DATA_SETS, list_data, remove_data

    from .course import data_folder

    os.environ.setdefault("AUTOGRADE_DATA", str(data_folder(ctx.obj)))
    if real is not None:
        _real_data(real, files, remove=remove, yes=yes, style=style)
        return
    if unknown := sorted(set(names) - set(DATA_SETS)):
        raise CourseError(f"no data set {', '.join(unknown)}; there is {', '.join(DATA_SETS)}")
    if names and not remove:
        for name in names:
            click.echo(str(DATA_SETS[name].fetch(scale=scale, seed=seed)))
        return
    stored = [item for item in list_data() if not names or item.maker in names]
    if remove:
        for item in stored:
            click.echo(f"removed {item.path} ({format_bytes(remove_data(item.path))})")
        return
    rows = [{"name": item.name, "bytes": item.size_bytes, "path": str(item.path)} for item in stored]

    def table() -> None:
        sheet = Table("data", "size", "where")
        for item in stored:
            sheet.add_row(item.name, format_bytes(item.size_bytes), str(item.path))
        _output().print(sheet if stored else f"nothing made yet; there is {', '.join(DATA_SETS)}")

    _print_rows(style, ["name", "bytes", "path"], rows, table)


def _real_data(name: str, patterns: tuple[str, ...], *, remove: bool, yes: bool, style: str) -> None:
    """List real data sets, or the files of one; download those that were asked for, once licence and size were shown."""
    import shutil

    from data_scripts.real import REAL_DATA, RealDataError, choose, download, folder_of, listing

    if name == "list":
        known = [
            {"name": one.name, "what": one.summary, "licence": one.licence or "", "page": one.page}
            for one in REAL_DATA.values()
        ]

        def table_of_all() -> None:
            for one in REAL_DATA.values():
                licence = one.licence or "told by its host"
                _output(wide=True).print(
                    f"[bold]{one.name}[/]  {escape(one.summary)}\n  licence: {licence}; {one.page}"
                )

        _print_rows(style, ["name", "what", "licence", "page"], known, table_of_all)
        return
    if name not in REAL_DATA:
        raise CourseError(f"no real data {name!r}; there is {', '.join(REAL_DATA)}")
    what = REAL_DATA[name]
    folder = folder_of(what)
    if remove:
        if folder.is_dir():
            shutil.rmtree(folder)
            click.echo(f"removed {folder}")
        return
    try:
        found = listing(what)
        chosen = choose(found.files, patterns or ("*",))
        if not chosen:
            raise CourseError(f"{name} has no file like {' or '.join(patterns)}; see `autograde data --real {name}`")
        total, bounded = sum(one.size_bytes for one in chosen), any(one.at_most for one in chosen)
        rows = [
            {"file": one.path, "bytes": one.size_bytes, "at_most": one.at_most, "checksum": one.checksum}
            for one in chosen
        ]

        def table() -> None:
            sheet = Table("file", "size", "checksum")
            for one in chosen[:30]:
                checksum = "published" if one.checksum or one.details else "none, unverified"
                sheet.add_row(
                    escape(one.path), ("up to " if one.at_most else "") + format_bytes(one.size_bytes), checksum
                )
            _output().print(sheet)
            if len(chosen) > 30:
                click.echo(f"... and {len(chosen) - 30} more")

        if style == "table" or not patterns:
            _print_rows(style, ["file", "bytes", "at_most", "checksum"], rows, table)
        size = f"{len(chosen)} files, {'up to ' if bounded else ''}{format_bytes(total)}"
        click.echo(f"{what.summary}\nlicence: {found.licence}; {what.page}\n{size}, into {folder}", err=True)
        if not patterns:
            click.echo("nothing downloaded; --file PATTERN chooses, for example --file '*'", err=True)
            return
        if not yes and not click.confirm("Download?", err=True):
            return
        with _progress(name) as progress:
            task = progress.add_task("", total=total)
            paths = download(
                chosen,
                folder,
                told=lambda file, more: progress.update(task, advance=more, description=f"bytes; {file.path}"),
            )
    except RealDataError as error:
        raise CourseError(str(error)) from error
    click.echo(f"{len(paths)} files in {folder}")


# --- doctor -----------------------------------------------------------------------------------------------------------


@main.command()
@click.option("--line", is_flag=True, help="One line to paste into a chat, for a class of thirty.")
@_format
@click.pass_context
def doctor(ctx: click.Context, line: bool, style: str) -> None:
    """Examine this machine: what its meter sees of known amounts of memory, and what may get in the way.

    Exit 1 if something is.

    \b
    Example:
      autograde doctor
      autograde doctor --line
    """
    from .doctor import diagnose

    with _progress("doctor") as progress:
        task = progress.add_task("")

        def told(name: str, total: int) -> None:
            progress.update(task, advance=1, total=total, description=name)

        found = diagnose(Path(ctx.obj).resolve(), told=told)
    if line:
        click.echo(found.one_line())
        ctx.exit(_PASSED if found.healthy else _NOT_PASSED)
    rows = [{**to_jsonable(one), "error_bytes": one.error_bytes, "good": one.good} for one in found.seen]
    if style == "json":
        extra = {"worst_error_bytes": found.worst_error_bytes, "healthy": found.healthy, "line": found.one_line()}
        click.echo(json.dumps({**to_jsonable(found), "seen": rows, **extra}))
        ctx.exit(_PASSED if found.healthy else _NOT_PASSED)

    def table() -> None:
        sheet = Table("64 MiB by this route", title=f"what the meter `{found.meter}` sees", title_justify="left")
        for name in ("must count", "seen", "error"):
            sheet.add_column(name, justify="right")
        for one in found.seen:
            sheet.add_row(
                ("[green]✓[/] " if one.good else "[red]✗[/] ") + one.route,
                format_bytes(one.allocated_bytes) if one.allocated_bytes else "nothing",
                one.problem or format_bytes(one.seen_bytes),
                format_bytes(one.error_bytes),
            )
        _output().print(sheet)
        for finding in found.findings:
            sign = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "error": "[red]✗[/]"}[finding.level]
            _output().print(f"{sign} {escape(finding.text)}")
        _output(wide=True).print(escape(found.one_line()))

    _print_rows(style, list(rows[0]), rows, table)
    ctx.exit(_PASSED if found.healthy else _NOT_PASSED)


# --- release and verify -----------------------------------------------------------------------------------------------


@main.command()
@click.argument("assignments", nargs=-1)
@click.option(
    "--solutions", is_flag=True, help="For afterwards: with solutions and all tests, into release-solutions/."
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="With --solutions: another folder for them."
)
@click.pass_context
def release(ctx: click.Context, assignments: tuple[str, ...], solutions: bool, out: Path | None) -> None:
    """Make the student version of assignments (default: all), through nbgrader, and search it for anything hidden.

    \b
    Example:
      autograde release 2-conversion
      autograde release 2-conversion --solutions    afterwards: release-solutions/2-conversion/
    """
    from .release import release as release_one
    from .release import release_solutions

    course = _course(ctx)
    if out is not None and not solutions:
        raise CourseError("--out goes with --solutions; releases lie where nbgrader looks for them")
    for assignment in assignments or course.assignments():
        if solutions:
            path = release_solutions(course, assignment, out or course.root / "release-solutions")
            click.echo(f"released {path}, with solutions")
            continue
        path = release_one(course, assignment)
        notebooks = ", ".join(sorted(item.name for item in path.glob("*.ipynb")))
        click.echo(f"released {path.relative_to(course.root)} ({notebooks}); no hidden text in it")


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--practice", is_flag=True, help="With the full tests, so that everything runs offline; solutions never.")
@click.option(
    "--code", "word", default=None, help="Your word, that codes are made from; default: drawn, in build/kit-word."
)
@click.option("--codes", is_flag=True, help="Print the code of every exercise, for `autograde catchup --code`.")
@click.pass_context
def kit(ctx: click.Context, out: Path, practice: bool, word: str | None, codes: bool) -> None:
    """Make what students get, below 5 MB: OUT/<course> as a folder, a zip, and a git repository without history.

    Every file is searched for texts of solutions and hidden tests; if one is found, no kit is made. For those who are
    behind, references are in it, each sealed with a code of its own.

    \b
    Example:
      autograde kit build/kit
      autograde kit build/kit --practice --codes
    """
    from .catchup import codes as codes_of
    from .kit import instructors_word, make_kit

    course = _course(ctx)
    if word is not None and len(word) < 8:
        raise CourseError(f"the word has {len(word)} letters and could be guessed; take at least 8")
    word = word or instructors_word(course)
    with _progress("kit") as progress:
        task = progress.add_task("", total=None)
        made = make_kit(
            course,
            out,
            practice=practice,
            word=word,
            told=lambda step, total: progress.update(task, advance=1, total=total, description=step),
        )
    click.echo(f"kit of {made.n_files} files, {made.size_bytes / 1e6:.2f} MB; no hidden text in it")
    for path, what in ((made.folder, "folder"), (made.archive, "zip"), (made.repository, "git clone")):
        click.echo(f"  {what}: {path}")
    if codes:
        sheet = Table("exercise", "code")
        for name, code in codes_of(course, word).items():
            sheet.add_row(escape(name), code)
        _output().print(sheet)


@main.command()
@click.argument("assignment")
@click.option("--exercise", "exercises", multiple=True, help="Only this exercise; may be given more than once.")
@click.option(
    "--gallery", type=click.Path(path_type=Path, file_okay=False), help="Default: tests/gallery in the course."
)
@click.option("--jobs", type=click.IntRange(1), default=None, help="Solutions at once; default: by cores and memory.")
@click.option(
    "--quick",
    is_flag=False,
    flag_value="today",
    metavar="[TURN]",
    default=None,
    help="Only the first accepted one, half of the hungry ones, a tenth of the others, few of them in a kernel. TURN (a "
    "commit, say) decides which; default: today.",
)
@click.option("--verbose", is_flag=True, help="Name every solution as it is done.")
@_sandbox
@_format
@click.pass_context
def verify(
    ctx: click.Context,
    assignment: str,
    exercises: tuple[str, ...],
    gallery: Path | None,
    jobs: int | None,
    quick: str | None,
    verbose: bool,
    sandbox: str | None,
    style: str,
) -> None:
    """Prove the tests of an assignment: every solution of the gallery, in one kernel and judged in two processes.

    Refused are a verdict that differs from the folder's name or between the two ways, a message that does not say what it
    should, and a ceiling without room: 1.5 x worst accepted <= ceiling, 1.5 x ceiling <= best hungry. Exit 1 if any.

    \b
    Example:
      autograde verify 2-conversion --exercise downsample2
      autograde verify 2-conversion --quick
    """
    from .cohort import jobs_at_once
    from .gallery import Run, rows
    from .gallery import verify as run_gallery

    course = _course(ctx)
    if quick == "today":
        quick = datetime.date.today().isoformat()
    used = _tell_sandbox(sandbox or course.settings.sandbox)
    with _progress(f"verify {assignment}") as progress:
        task = progress.add_task("")

        def told(run: Run, total: int) -> None:
            name = f"{run.entry.exercise}/{run.entry.expected.words}/{run.entry.name}"
            progress.update(task, advance=1, total=total, description=name)
            if verbose:
                peak = "" if run.ratio is None else f", peak {run.ratio:.2f} of the ceiling"
                progress.console.print(f"{'✗' if run.faults else '✓'} {name}{peak}", highlight=False, soft_wrap=True)
            for fault in run.faults:
                progress.console.print(f"  ✗ {name}: {fault}", highlight=False, markup=False, soft_wrap=True)

        runs = run_gallery(
            course,
            assignment,
            gallery=gallery or course.root / "tests" / "gallery",
            exercises=exercises or None,
            jobs=jobs or jobs_at_once(course.settings.limits),
            quick=quick,
            sandbox=used,
            told=told,
        )
    table_rows = rows(runs)

    def table() -> None:
        judged = sum(run.judged is not None for run in runs)
        both = sum(run.kernel is not None for run in runs)
        title = f"{assignment}: {len(runs)} solutions, {judged} judged, {both} run in one kernel"
        sheet = Table("exercise", title=title)
        for name in (
            "accepted",
            "wrong",
            "hungry",
            "other",
            "worst accepted",
            "ceiling",
            "best hungry",
            "room",
            "faults",
        ):
            sheet.add_column(name, justify="right")
        for row in table_rows:
            below = "-" if row.room_below is None else f"{min(row.room_below, 99):.1f}x"
            above = "-" if row.room_above is None else f"{row.room_above:.1f}x"
            limited = row.ceiling_bytes is not None
            sheet.add_row(
                row.exercise,
                *(str(count) for count in (row.accepted, row.wrong, row.hungry, row.other)),
                format_bytes(row.worst_accepted_bytes) if limited else "-",
                format_bytes(row.ceiling_bytes) if limited else "-",
                format_bytes(row.best_hungry_bytes) if limited else "-",
                f"{below} / {above}",
                str(len(row.faults)),
            )
        _output().print(sheet)
        for row in table_rows:
            for fault in row.faults:
                _output(wide=True).print(f"✗ {row.exercise}: {fault}", markup=False)

    jsonable = [to_jsonable(row) for row in table_rows]
    _print_rows(style, list(jsonable[0]) if jsonable else [], jsonable, table)
    ctx.exit(_NOT_PASSED if any(row.faults for row in table_rows) else _PASSED)


# --- check and grade --------------------------------------------------------------------------------------------------


def _result_table(report: Report, *, points: bool) -> Table:
    sheet = Table(title=escape(report.student), title_justify="left", show_lines=True)
    sheet.add_column("test", no_wrap=True)
    sheet.add_column("verdict", no_wrap=True)
    sheet.add_column("memory", justify="right", no_wrap=True)
    sheet.add_column("what it says", overflow="fold")
    for result in report.tests:
        # `planes[index]` in a message is code, not markup
        sheet.add_row(
            escape(result.test), _verdict_words(result, points=points), _memory(result), escape(result.message)
        )
    return sheet


def _verdict_words(result: TestResult, *, points: bool) -> str:
    if result.verdict is None:
        return "for a person"
    sign = "[green]✓[/]" if result.verdict is Verdict.AC else "[red]✗[/]"
    words = f"{sign} {result.verdict.words}"
    if points and result.max_points is not None:
        words += f" {'?' if result.points is None else f'{result.points:g}'}/{result.max_points:g}"
    return words


def _memory(result: TestResult) -> str:
    if result.ceiling_bytes is None:
        return ""
    return f"{format_bytes(result.peak_bytes)} of {format_bytes(result.ceiling_bytes)}"


def _exercise_table(exercises: Sequence[Any]) -> Table:
    """Grouped by notebook; several columns of figures would hide the one that counts."""
    sheet = Table()
    for name in ("notebook", "exercise", ""):
        sheet.add_column(name, no_wrap=True)
    sheet.add_column("tests", justify="right", no_wrap=True)
    sheet.add_column("state", no_wrap=True)
    above = None
    for one in exercises:
        sign = "[green]" if one.verdict is Verdict.AC else "[dim]" if one.verdict in (None, Verdict.NS) else "[red]"
        sheet.add_row(
            "" if one.notebook == above else escape(one.notebook),
            escape(one.name),
            "optional" if one.optional else "core",
            f"{one.passed}/{one.tests}",
            f"{sign}{one.words}[/]",
        )
        above = one.notebook
    return sheet


@main.command()
@click.argument("places", metavar="[NOTEBOOK|FOLDER]...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--board",
    envvar="AUTOGRADE_BOARD",
    metavar="ADDRESS",
    help="Tell the room's board which exercises pass, without your name; default: AUTOGRADE_BOARD, else nobody is told.",
)
@click.option("--code", is_flag=True, help="Print the same as a short text, to be pasted into the board's page.")
@_format
@click.pass_context
def check(ctx: click.Context, places: tuple[Path, ...], board: str | None, code: bool, style: str) -> None:
    """Check your own notebooks: the tests in them, judged as grading would judge them. Save first.

    Of a notebook every test is shown, and its exercises; of a folder the exercises of all notebooks in it. Exit 1 if
    something does not pass yet.

    \b
    Example:
      autograde check release/2-conversion/imaging.ipynb
      autograde check release             all exercises, done and not yet
      autograde check release --board http://192.168.1.20:8765
    """
    from .check import check_all, overview

    checked: list[Any] = []
    with _progress("check") as progress:
        tasks: dict[Path, Any] = {}

        def told(path: Path, done: int, total: int, test: str) -> None:
            if path not in tasks:
                tasks[path] = progress.add_task("")
            progress.update(tasks[path], completed=done, total=total, description=f"{path.name}: {test}")

        for place in places:
            checked += check_all(place, told=told)
    all_exercises = overview(checked)
    named = {place for place in places if not place.is_dir()}

    def table() -> None:
        for one in checked:
            if one.report is not None and one.path in named:
                _output().print(_result_table(one.report, points=False))
                passed = sum(result.verdict is Verdict.AC for result in one.report.tests)
                _output().print(
                    f"{passed} of {len(one.report.tests)} tests pass. {escape(one.report.message)}".rstrip()
                )
        _output().print(_exercise_table(all_exercises.exercises))
        _output().print(all_exercises.summary)

    rows = []
    for one in checked:
        if one.report is None:
            click.echo(f"autograde: {one.problem}", err=True)
            continue
        exercise_of = {test: exercise for exercise in one.exercises for test in exercise.test_names}
        for result in one.report.tests:
            exercise = exercise_of.get(result.test)
            more = {"exercise": exercise and exercise.name, "optional": exercise and exercise.optional}
            rows.append({"student": one.report.student, **to_jsonable(result), **more})
    _print_rows(style, list(rows[0]) if rows else [], rows, table)
    if board or code:
        from .board import told_in_words

        for words in told_in_words(all_exercises, address=board, code=code):
            click.echo(words, err=True)
    passed = all(row["verdict"] is Verdict.AC for row in rows) and not all_exercises.problems
    ctx.exit(_PASSED if passed else _NOT_PASSED)


@main.command()
@click.argument("assignments", nargs=-1)
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: any free one.")
@click.option("--host", default="", help="Listen here only, for example 127.0.0.1; default: the whole network.")
@click.option("--add", "added", metavar="TEXT", help="Add the codes in TEXT (a chat, say; - reads standard input).")
@click.option("--counts", "only_counts", is_flag=True, help="Print the counts, and show no page.")
@click.option("--reset", is_flag=True, help="Forget what was told, for a new day.")
@_format
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

    course = _course(ctx)
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
        _output().print(sheet)

    _print_rows(style, list(rows[0]) if rows else [], rows, table)


@main.command()
@click.argument("notebook", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("exercise")
@click.option("--code", default=None, help="The code of this exercise, from your instructor.")
@_format
@click.pass_context
def catchup(ctx: click.Context, notebook: Path, exercise: str, code: str | None, style: str) -> None:
    """Put a reference solution into your notebook: with a code as the answer, after a pass below yours, to compare.

    What you wrote stays, as text below and in backup/. Save and close the notebook first. Exit 1 if it does not pass yet.

    \b
    Example:
      autograde catchup imaging.ipynb downsample2
      autograde catchup imaging.ipynb downsample2 --code aqyw-p2lw
    """
    from .catchup import catch_up

    with _progress(notebook.name) as progress:
        task = progress.add_task("", total=None)
        done = catch_up(
            notebook,
            exercise,
            code=code,
            told=lambda done, total, test: progress.update(task, completed=done, total=total, description=test),
        )
    row = {"notebook": str(notebook), "exercise": exercise, "backup": _text(done.backup), "message": done.message}
    before = f" (before: {done.backup})" if done.backup else ""
    _print_rows(style, list(row), [row], lambda: click.echo(f"{notebook.name}: {done.message}{before}"))
    ctx.exit(_NOT_PASSED if done.backup is None and code is None else _PASSED)


@main.command()
@click.argument("notebook", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--release",
    type=click.Path(path_type=Path),
    default=None,
    help="The mended notebook, its folder, or the new kit's zip.",
)
@_format
def update(notebook: Path, release: Path | None, style: str) -> None:
    """Carry your answers into a mended release: by exercise, your own cells at their places; the old notebook in backup/.

    Save and close the notebook first.

    \b
    Example:
      autograde update release/2-conversion/imaging.ipynb --release ~/Downloads/out-of-core.zip
    """
    from .update import update_notebook

    done = update_notebook(notebook, release)

    def table() -> None:
        if done.backup is not None:
            click.echo(f"{notebook.name} is as in the new release, with your answers (before: {done.backup})")
        for note in done.notes:
            click.echo(f"  {note}")

    rows = [{"notebook": str(notebook), "backup": _text(done.backup), "note": note} for note in done.notes or ("",)]
    _print_rows(style, list(rows[0]), rows, table)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


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


@main.command()
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
@_format
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

    course = _course(ctx)
    people = read_people(_read_rows(roster)) if roster else ()
    done = collect_from(course, source, people=people, assignment=assignment, replace=replace, also=also)

    def table() -> None:
        sheet = Table("student", "assignment", "notebook", "status", "from")
        for one in done.notebooks:
            name = one.notebook + (one.suffix if one.suffix != ".ipynb" else "")
            sheet.add_row(*map(escape, (one.student, one.assignment, name, one.status, one.place)))
        _output().print(sheet)
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
    _print_rows(style, ["student", "assignment", "notebook", "status", "place"], rows, table)
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


@main.command()
@click.argument("assignment")
@click.option("--student", "students", multiple=True, help="Only this student; may be given more than once.")
@click.option(
    "--roster", type=click.Path(path_type=Path, dir_okay=False), help="Who should have handed in: one name a line."
)
@click.option("--jobs", type=click.IntRange(1), default=None, help="Submissions at once; default: by cores and memory.")
@click.option(
    "--scheduler", default=None, metavar="ADDRESS", help="A dask scheduler whose workers see the same folder."
)
@_sandbox
@click.option("--again", "--force", "again", is_flag=True, help="Judge everything again, with new hidden data.")
@_format
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

    course = _course(ctx)
    if scheduler is None:
        _tell_sandbox(sandbox or course.settings.sandbox)
    names = _read_roster(roster)
    with _progress(f"grade {assignment}") as progress:
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
        _print_rows(style, list(rows[0]) if rows else [], rows, lambda: _output().print(_class_table(reports)))
    ctx.exit(_JUDGE_FAILED if any(report.status == "judge_error" for report in reports) else _PASSED)


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


@main.command()
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

    course = _course(ctx)
    with _progress(f"report {assignment}") as progress:
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


@main.command()
@click.argument("assignment")
@click.option("--student", "students", multiple=True, help="Only this student; may be given more than once.")
@click.option("--hidden-tests", is_flag=True, help="Show the text of hidden tests, too, not only what they say.")
@_format
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

    course = _course(ctx)
    with _progress(f"feedback {assignment}") as progress:
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
        click.echo(f"feedback for {len({page.student for page in pages})} students: {folder}")

    _print_rows(style, ["student", "notebook", "path"], rows, table)


# --- the terabyte -----------------------------------------------------------------------------------------------------


@main.command()
@click.option(
    "--movie",
    type=click.Path(path_type=Path, file_okay=False),
    help="A zarr group with `movie` and `rois`; default: the terabyte, made the first time (half a minute, 0.7 GiB).",
)
@click.option("--gib", type=click.FloatRange(min=0, min_open=True), help="Only its first so many GiB.")
@click.option(
    "--process", "function", default=None, help="FILE.py:process, or a notebook. Default: the function of the course."
)
@click.option("--max-memory", default="1 GiB", show_default=True, help="What the whole process may hold.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the result, the page, and what is needed to go on. Default: build/terabyte.",
)
@_format
@click.pass_context
def terabyte(
    ctx: click.Context,
    movie: Path | None,
    gib: float | None,
    function: str | None,
    max_memory: str,
    out: Path | None,
    style: str,
) -> None:
    """Run `process(movie, rois, out, max_bytes)` on one terabyte: watched, checked, and with a page at the end.

    May be stopped at any time (Ctrl-C): the same command goes on where it was. Exit 1 if the answer is wrong or more
    memory was held than allowed.

    \b
    Example:
      autograde terabyte                                       10 minutes or so
      autograde terabyte --gib 2 --process mine.py:process     the first 2 GiB, with my own function
    """
    from data_scripts import terabyte as recordings
    from data_scripts.settings import data_home

    from .terabyte import SUPPLIED, Glance, run, words
    from .terabyte_page import write_page
    from .types import parse_bytes

    max_bytes = parse_bytes(max_memory)
    if movie is None:
        from .course import data_folder

        os.environ.setdefault("AUTOGRADE_DATA", str(data_folder(ctx.obj)))
        try:
            size = None if gib is None else recordings.shape_of(gib)
            movie = recordings.fetch(scale="full", shape=size)
        except ValueError as error:
            raise CourseError(f"the movie cannot be made in {data_home()}: {error}") from error
    folder = out or Path(ctx.obj) / "build" / ("terabyte" if gib is None else f"terabyte-{gib:g}-gib")
    columns = (TextColumn("terabyte"), BarColumn(), TextColumn("{task.percentage:>5.1f} %"), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def told(glance: Glance) -> None:
            held = f"holds {format_bytes(glance.held_bytes)}, at most {format_bytes(glance.peak_bytes)}"
            known = glance.fraction is not None
            progress.update(task, total=1.0 if known else None, completed=glance.fraction or 0.0, description=held)

        done = run(movie, folder, process=function or SUPPLIED, max_bytes=max_bytes, told=told)
    page = write_page(done, movie, folder)
    facts = to_jsonable(done)
    for long in ("samples", "breaks"):
        facts.pop(long)
    row = {**facts, "bytes_per_second": done.bytes_per_second, "good": done.good, "page": str(page)}

    def table() -> None:
        click.echo(words(done))
        for problem in done.problems:
            click.echo(f"  wrong: {problem}")
        if done.peak_bytes > done.max_bytes:
            click.echo(f"  too much memory: {format_bytes(done.peak_bytes)}, {format_bytes(done.max_bytes)} allowed")
        click.echo(f"page: {page}")

    _print_rows(style, list(row), [row], table)
    ctx.exit(_PASSED if done.good else _NOT_PASSED)


@main.command()
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
    course = _course(ctx)
    with _progress("demo") as progress:
        task = progress.add_task("")
        shown = play(
            course,
            out or course.build("demo"),
            told=lambda one, total: progress.update(task, advance=1, total=total, description=one.report.student),
        )
    _output().print(_class_table(shown.reports))
    click.echo(f"\nreport: {shown.page}")


if __name__ == "__main__":
    main()
