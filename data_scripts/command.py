"""The command line that every maker has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from data_scripts.settings import DEFAULT_SEED, SCALES, current_scale, data_home, format_bytes
from data_scripts.store import DiskTooSmall, Recipe, make, read_manifest, remove_data, verify


class _Refused(click.ClickException):
    """Nothing was done; the message says why and what to do."""

    exit_code = 2


RecipeMaker = Callable[..., Recipe]
AlsoCheck = Callable[[Path, dict[str, Any]], Sequence[str]]


def gib_option() -> click.Option:
    """`--gib 2`: a size of one's own, in place of a scale."""
    return click.Option(
        ["--gib"], type=click.FloatRange(min=0, min_open=True), default=None, help="So many GiB, in place of --scale."
    )


def build_command(
    name: str,
    *,
    summary: str,
    forms: Mapping[str, RecipeMaker],
    extra: Sequence[click.Option] = (),
    also_check: AlsoCheck | None = None,
) -> click.Command:
    """The click command of one maker: makes, checks or removes the data set in one of its `forms`.

    `forms` maps the value of ``--format`` to a function (scale, seed) -> `Recipe`; the first is the default. Values of
    `extra` options are given to it by name. `also_check` (folder, manifest) -> names is asked by ``--check``, too.
    Exit codes: 0 done; 1 ``--check`` found damage; 2 wrong use, or no space.
    """
    default_form = next(iter(forms))

    @click.command(name, help=f"{summary}\n\nExample: python data_scripts/{name}.py --scale tiny --out /tmp/{name}")
    @click.option("--scale", type=click.Choice(SCALES), default=None, help="Default: AUTOGRADE_SCALE, else laptop.")
    @click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        default=None,
        help="Folder to make. Default: a folder of the data home.",
    )
    @click.option("--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, show_default=True)
    @click.option("--format", "form", type=click.Choice(tuple(forms)), default=default_form, show_default=True)
    @click.option("--remove", "action", flag_value="remove", help="Remove the data set instead.")
    @click.option("--check", "action", flag_value="check", help="Read every byte and compare hashes; make nothing.")
    def command(scale: str | None, out: Path | None, seed: int, form: str, action: str | None, **more: Any) -> None:
        try:
            recipe = forms[form](scale or current_scale(), seed, **more)
            folder = out.absolute() if out is not None else data_home() / recipe.name
            if action == "remove":
                click.echo(f"Removed {format_bytes(remove_data(folder))}: {folder}")
            elif action == "check":
                _check(folder, also_check)
            else:
                click.echo(f"Ready: {make(recipe, folder=out)}")
        except (DiskTooSmall, FileExistsError, FileNotFoundError, ValueError) as error:
            raise _Refused(str(error)) from error

    command.params.extend(extra)
    return command


def _check(folder: Path, also_check: AlsoCheck | None) -> None:
    damaged = list(verify(folder))
    if also_check is not None and not damaged:
        damaged += also_check(folder, read_manifest(folder) or {})
    if not damaged:
        click.echo(f"Every file agrees with its hash: {folder}")
        return
    for name in damaged[:10]:
        click.echo(f"Missing or changed: {name}")
    click.echo(f"{len(damaged)} damaged: {folder}. Remove it with --remove and make it again.")
    raise click.exceptions.Exit(1)
