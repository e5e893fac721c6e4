"""How long a newcomer waits: the path of a new student, from the zip to a first result, in an environment of its own.

    python tests/benchmarks/newcomer.py

Makes the kit of this course, unpacks its zip in an empty folder, and does there what its README says with Python alone: a
virtual environment, `pip install -e .`, then `autograde doctor --line`, `autograde check release` at tiny scale (every test
runs, on stubs), and a first answer. Each step is timed; exit 1 if one of them does not do what it says. conda is not tried.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import nbformat

from autograde.course import find_course
from autograde.kit import make_kit

ROOT = Path(__file__).resolve().parents[2]
ANSWER = ROOT / "tests/gallery/0-will-it-fit/nbytes/accepted"


@contextmanager
def step(name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    click.echo(f"{time.perf_counter() - begun:7.1f} s  {name}")


def own_environment(folder: Path) -> dict[str, str]:
    """The variables of a newcomer: nothing of the environment that this runs in."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR") or "PIP" in name}
    binaries = folder / ".venv" / ("Scripts" if sys.platform == "win32" else "bin")
    path = [str(binaries), *(one for one in kept["PATH"].split(os.pathsep) if ".venv" not in one)]
    return kept | {"PATH": os.pathsep.join(path), "HOME": str(folder), "AUTOGRADE_SCALE": "tiny"}


def check(folder: Path, *arguments: str) -> list[dict[str, object]]:
    """The rows of `autograde check`."""
    command = ["autograde", "check", *arguments, "--format", "json"]
    done = subprocess.run(command, cwd=folder, env=own_environment(folder), capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise click.ClickException(done.stderr)
    return list(json.loads(done.stdout))


@click.command()
@click.option("--python", default=sys.executable, help="The newcomer's Python.")
def main(python: str) -> None:
    """Time the path of a new student."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="newcomer-") as scratch:
        with step("(the instructor: autograde kit)"):
            kit = make_kit(find_course(ROOT), Path(scratch) / "kit")
        begun = time.perf_counter()
        with step("unpack the zip"), zipfile.ZipFile(kit.archive) as archive:
            archive.extractall(Path(scratch) / "home")
        (folder,) = (Path(scratch) / "home").iterdir()
        environment = own_environment(folder)
        with step("python -m venv .venv"):
            subprocess.run([python, "-m", "venv", ".venv"], cwd=folder, env=environment, check=True)
        with step("pip install -e ."):
            command = ["python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", "."]
            subprocess.run(command, cwd=folder, env=environment, check=True)
        with step("autograde doctor --line"):
            subprocess.run(["autograde", "doctor", "--line"], cwd=folder, env=environment, check=False)
        with step("autograde check release (stubs, tiny scale)"):
            rows = check(folder, "release")
        if not rows or any(row["verdict"] == "AC" for row in rows):
            raise click.ClickException("a stub passes, or nothing was judged")
        with step("a first answer, checked"):
            path = folder / "release" / "0-will-it-fit" / "will_it_fit.ipynb"
            book = nbformat.read(path, as_version=4)
            (cell,) = (one for one in book.cells if one.metadata.get("nbgrader", {}).get("grade_id") == "nbytes")
            cell.source = min(ANSWER.glob("*.py")).read_text(encoding="utf-8")
            nbformat.write(book, path)
            rows = [row for row in check(folder, str(path)) if row["exercise"] == "nbytes"]
        if not rows or any(row["verdict"] != "AC" for row in rows):
            raise click.ClickException(f"the right answer does not pass: {rows}")
    click.echo(f"{time.perf_counter() - begun:7.1f} s  in all, {len(rows)} tests of the first answer pass")


if __name__ == "__main__":
    main()
