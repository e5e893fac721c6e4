"""Commands for your own notebooks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from .console import NOT_PASSED, PASSED, format_option, output, print_rows, progress_bar
from .errors import CourseError
from .types import Report, TestResult, Verdict, format_bytes, to_jsonable

if TYPE_CHECKING:
    from .check import Checked

__all__ = ["catchup", "check", "terabyte", "update"]


@click.command()
@click.argument("places", metavar="[NOTEBOOK|FOLDER]...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--board",
    envvar="AUTOGRADE_BOARD",
    metavar="ADDRESS",
    help="Tell the room's board which exercises pass, without your name; default: AUTOGRADE_BOARD, else nobody is told.",
)
@click.option("--code", is_flag=True, help="Print the same as a short text, to be pasted into the board's page.")
@format_option
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
    with progress_bar("check") as progress:
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
                output().print(_result_table(one.report, points=False))
                passed = sum(result.verdict is Verdict.AC for result in one.report.tests)
                _show_pictures(one)
                output().print(f"{passed} of {len(one.report.tests)} tests pass. {escape(one.report.message)}".rstrip())
        output().print(_exercise_table(all_exercises.exercises))
        output().print(all_exercises.summary)

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
    print_rows(style, list(rows[0]) if rows else [], rows, table)
    if board or code:
        from .board import told_in_words

        for words in told_in_words(all_exercises, address=board, code=code):
            click.echo(words, err=True)
    passed = all(row["verdict"] is Verdict.AC for row in rows) and not all_exercises.problems
    ctx.exit(PASSED if passed else NOT_PASSED)


def _show_pictures(checked: Checked) -> None:
    """Memory over time and chunks touched, of the tests that do not pass yet."""
    from .chart import chunk_text, memory_text

    failed = {result.test for result in checked.tests if result.verdict is not Verdict.AC}
    for outcome in checked.outcomes:
        pictures = [memory_text(one) for one in outcome.blocks] + [chunk_text(one) for one in outcome.touched]
        if outcome.test in failed and pictures:
            output().print(f"[bold]{escape(outcome.test)}[/]", *map(escape, pictures), "", sep="\n")


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


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("exercise")
@click.option("--code", default=None, help="The code of this exercise, from your instructor.")
@format_option
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

    with progress_bar(notebook.name) as progress:
        task = progress.add_task("", total=None)
        done = catch_up(
            notebook,
            exercise,
            code=code,
            told=lambda done, total, test: progress.update(task, completed=done, total=total, description=test),
        )
    row = {"notebook": str(notebook), "exercise": exercise, "backup": _text(done.backup), "message": done.message}
    before = f" (before: {done.backup})" if done.backup else ""
    print_rows(style, list(row), [row], lambda: click.echo(f"{notebook.name}: {done.message}{before}"))
    ctx.exit(NOT_PASSED if done.backup is None and code is None else PASSED)


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--release",
    type=click.Path(path_type=Path),
    default=None,
    help="The mended notebook, its folder, or the new kit's zip.",
)
@format_option
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
    print_rows(style, list(rows[0]), rows, table)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


@click.command()
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
@format_option
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

    print_rows(style, list(row), [row], table)
    ctx.exit(PASSED if done.good else NOT_PASSED)
