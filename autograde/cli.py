"""The command `autograde`: its groups, and what becomes of errors. Commands parse, call and print; nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from . import __version__
from .cli_author import kit, release, verify
from .cli_class import board, collect, demo, feedback, grade, report
from .cli_machine import data, doctor
from .cli_student import catchup, check, terabyte, update
from .console import JUDGE_FAILED, WRONG_USE
from .errors import AutogradeError, CourseError

__all__ = ["main"]

#: What there is, for whom, in the order of use.
_COMMANDS: dict[str, tuple[tuple[click.Command, str], ...]] = {
    "Your own notebooks": (
        (check, "Which exercises are done, and what kind of not yet."),
        (catchup, "Put a reference in: after a pass, or with a code."),
        (update, "Carry your answers into a mended release."),
        (terabyte, "Run a function on one terabyte, watched."),
    ),
    "A class": (
        (release, "Make what students get from source/."),
        (verify, "Prove the tests of an assignment."),
        (kit, "All that students need: folder, zip, git."),
        (board, "How far the room is, without names."),
        (collect, "Bring what was handed in to submitted/."),
        (grade, "Judge what lies in submitted/."),
        (report, "The class as web pages."),
        (feedback, "What students get back (graded mode)."),
    ),
    "This machine": (
        (doctor, "What its meter sees, and what is in the way."),
        (data, "Make, list and remove data sets."),
        (demo, "Grade a made-up class, and report on it."),
    ),
}


class _Group(click.Group):
    """Lists its commands by whom they are for; turns errors into one sentence and an exit code."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section, commands in _COMMANDS.items():
            with formatter.section(section):
                formatter.write_dl([(str(command.name), words) for command, words in commands])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except CourseError as error:
            click.echo(f"autograde: {error}", err=True)
            ctx.exit(WRONG_USE)
        except AutogradeError as error:
            click.echo(f"autograde: the judge failed: {error}", err=True)
            ctx.exit(JUDGE_FAILED)
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
            ctx.exit(JUDGE_FAILED)


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


for _commands in _COMMANDS.values():
    for _command, _ in _commands:
        main.add_command(_command)
