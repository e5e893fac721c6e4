"""Commands for who makes the course: what students get, and the proof of its tests."""

from __future__ import annotations

import datetime
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from .console import (
    NOT_PASSED,
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
from .types import format_bytes, to_jsonable

__all__ = ["kit", "release", "verify"]


@click.command()
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

    course = course_of(ctx)
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


@click.command()
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
    help="Half of the first accepted ones, a third of the first hungry ones, a twentieth of the others, few of them in a "
    "kernel. TURN (a commit, say) decides which; default: today.",
)
@click.option("--verbose", is_flag=True, help="Name every solution as it is done.")
@sandbox_option
@format_option
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

    course = course_of(ctx)
    if quick == "today":
        quick = datetime.date.today().isoformat()
    used = tell_sandbox(sandbox or course.settings.sandbox)
    with progress_bar(f"verify {assignment}") as progress:
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
        output().print(sheet)
        for row in table_rows:
            for fault in row.faults:
                output(wide=True).print(f"✗ {row.exercise}: {fault}", markup=False)

    jsonable = [to_jsonable(row) for row in table_rows]
    print_rows(style, list(jsonable[0]) if jsonable else [], jsonable, table)
    ctx.exit(NOT_PASSED if any(row.faults for row in table_rows) else PASSED)


@click.command()
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

    course = course_of(ctx)
    if word is not None and len(word) < 8:
        raise CourseError(f"the word has {len(word)} letters and could be guessed; take at least 8")
    word = word or instructors_word(course)
    with progress_bar("kit") as progress:
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
        output().print(sheet)
