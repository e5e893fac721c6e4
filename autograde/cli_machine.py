"""Commands for this machine: its meter, and data."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from .console import NOT_PASSED, PASSED, format_option, output, print_rows, progress_bar
from .errors import CourseError
from .types import format_bytes, to_jsonable

__all__ = ["data", "doctor"]


@click.command()
@click.option("--line", is_flag=True, help="One line to paste into a chat, for a class of thirty.")
@format_option
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

    with progress_bar("doctor") as progress:
        task = progress.add_task("")

        def told(name: str, total: int) -> None:
            progress.update(task, advance=1, total=total, description=name)

        found = diagnose(Path(ctx.obj).resolve(), told=told)
    if line:
        click.echo(found.one_line())
        ctx.exit(PASSED if found.healthy else NOT_PASSED)
    rows = [{**to_jsonable(one), "error_bytes": one.error_bytes, "good": one.good} for one in found.seen]
    if style == "json":
        extra = {"worst_error_bytes": found.worst_error_bytes, "healthy": found.healthy, "line": found.one_line()}
        click.echo(json.dumps({**to_jsonable(found), "seen": rows, **extra}))
        ctx.exit(PASSED if found.healthy else NOT_PASSED)

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
        output().print(sheet)
        for finding in found.findings:
            sign = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "error": "[red]✗[/]"}[finding.level]
            output().print(f"{sign} {escape(finding.text)}")
        output(wide=True).print(escape(found.one_line()))

    print_rows(style, list(rows[0]), rows, table)
    ctx.exit(PASSED if found.healthy else NOT_PASSED)


@click.command()
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
@format_option
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
        output().print(sheet if stored else f"nothing made yet; there is {', '.join(DATA_SETS)}")

    print_rows(style, ["name", "bytes", "path"], rows, table)


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
                output(wide=True).print(f"[bold]{one.name}[/]  {escape(one.summary)}\n  licence: {licence}; {one.page}")

        print_rows(style, ["name", "what", "licence", "page"], known, table_of_all)
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
            output().print(sheet)
            if len(chosen) > 30:
                click.echo(f"... and {len(chosen) - 30} more")

        if style == "table" or not patterns:
            print_rows(style, ["file", "bytes", "at_most", "checksum"], rows, table)
        size = f"{len(chosen)} files, {'up to ' if bounded else ''}{format_bytes(total)}"
        click.echo(f"{what.summary}\nlicence: {found.licence}; {what.page}\n{size}, into {folder}", err=True)
        if not patterns:
            click.echo("nothing downloaded; --file PATTERN chooses, for example --file '*'", err=True)
            return
        if not yes and not click.confirm("Download?", err=True):
            return
        with progress_bar(name) as progress:
            task = progress.add_task("", total=total)
            paths = download(
                chosen,
                folder,
                told=lambda file, more: progress.update(task, advance=more, description=f"bytes; {file.path}"),
            )
    except RealDataError as error:
        raise CourseError(str(error)) from error
    click.echo(f"{len(paths)} files in {folder}")
