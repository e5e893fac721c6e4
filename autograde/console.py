"""What the commands share: where they print, options, exit codes."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = [
    "JUDGE_FAILED",
    "NOT_PASSED",
    "PASSED",
    "WRONG_USE",
    "course_of",
    "format_option",
    "output",
    "print_rows",
    "progress_bar",
    "sandbox_option",
    "tell_sandbox",
]

PASSED, NOT_PASSED, WRONG_USE, JUDGE_FAILED = 0, 1, 2, 3


def output(wide: bool = False) -> Console:
    """Where results go. A pipe has no width of its own, and must not wrap them."""
    return Console(width=None if sys.stdout.isatty() else 180, highlight=False, soft_wrap=wide)


def progress_bar(what: str) -> Progress:
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


def course_of(ctx: click.Context) -> Any:
    from .course import find_course

    return find_course(ctx.obj)


format_option = click.option(
    "--format", "style", type=click.Choice(["table", "json", "csv"]), default="table", help="How results are printed."
)


sandbox_option = click.option(
    "--sandbox",
    type=click.Choice(["auto", "bubblewrap", "process"]),
    default=None,
    help="Around submissions; default: c.CourseSettings.sandbox, or auto: bubblewrap where it works.",
)


def tell_sandbox(wanted: str) -> str:
    """The sandbox that will be used; says so where it is not what one would expect."""
    from .sandbox import choose_sandbox

    used, remark = choose_sandbox(wanted)
    if remark is not None:
        click.echo(f"autograde: {remark}", err=True)
    return used


def print_rows(style: str, columns: Sequence[str], rows: Sequence[dict[str, Any]], table: Callable[[], None]) -> None:
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
