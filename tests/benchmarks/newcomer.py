"""How long a newcomer waits: the path of a new student and of a new instructor, each in an environment of its own.

    python tests/benchmarks/newcomer.py student
    python tests/benchmarks/newcomer.py instructor

A student gets the zip of the kit, and does what its README says with Python alone: a virtual environment,
`pip install -e .`, `autograde doctor --line`, `autograde check release` at tiny scale (every test runs, on stubs), and a
first answer.

An instructor gets a fresh clone, and does what the README says: the environment, doctor, a message of a test made clearer,
release, proof of that exercise, a kit with codes; then a class of five hands in (a platform's zip, and files by name), which
is collected, graded, reported and, in graded mode, given feedback; then the solutions go out. The data is at laptop scale.

Each step is timed, and what it leaves is looked at; exit 1 if one of them does not do what it says. conda is not tried.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import nbformat

from autograde.course import find_course
from autograde.kit import make_kit

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "tests" / "gallery"


@contextmanager
def step(name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    click.echo(f"{time.perf_counter() - begun:7.1f} s  {name}")


def expect(holds: object, otherwise: str) -> None:
    """Stop the path where a step has not done what it says."""
    if not holds:
        raise click.ClickException(otherwise)


class Newcomer:
    """A folder with an environment of its own, and commands in it: nothing of the environment that this runs in."""

    def __init__(self, folder: Path, *, scale: str) -> None:
        self.folder = folder
        kept = {name: value for name, value in os.environ.items() if name in ("LANG", "TMPDIR") or "PIP" in name}
        binaries = folder / ".venv" / ("Scripts" if sys.platform == "win32" else "bin")
        path = [str(binaries), *(one for one in os.environ["PATH"].split(os.pathsep) if ".venv" not in one)]
        self._variables = kept | {"PATH": os.pathsep.join(path), "HOME": str(folder.parent), "AUTOGRADE_SCALE": scale}

    def install(self, python: str) -> None:
        with step("python -m venv .venv"):
            self.run(python, "-m", "venv", ".venv")
        with step("pip install -e ."):
            self.run("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", ".")

    def run(self, *command: str, codes: tuple[int, ...] = (0,)) -> str:
        """What a command prints on standard output."""
        done = subprocess.run(command, cwd=self.folder, env=self._variables, capture_output=True, text=True)
        said = f"{done.stdout}\n{done.stderr}"[-4000:]
        expect(done.returncode in codes, f"`{' '.join(command)}` ended with {done.returncode}:\n{said}")
        return done.stdout

    def rows(self, *command: str, codes: tuple[int, ...] = (0,)) -> list[dict[str, Any]]:
        return list(json.loads(self.run(*command, "--format", "json", codes=codes)))


def solution(assignment: str, exercise: str, verdict: str, name: str = "*") -> str:
    """A solution of the gallery."""
    path = min((GALLERY / assignment / exercise / verdict).glob(f"{name}.py"))
    return path.read_text(encoding="utf-8")


def answered(released: Path, answers: dict[str, str]) -> str:
    """The text of a released notebook with these answers, by exercise."""
    book = nbformat.read(released, as_version=4)
    for cell in book.cells:
        cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    return str(nbformat.writes(book))


@click.group()
def main() -> None:
    """Time the path of a newcomer."""


_python = click.option("--python", default=sys.executable, help="The newcomer's Python.")


@main.command()
@_python
def student(python: str) -> None:
    """From the zip of the kit to a first answer."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as scratch:
        with step("(the instructor: autograde kit)"):
            kit = make_kit(find_course(ROOT), Path(scratch) / "kit")
        begun = time.perf_counter()
        with step("unpack the zip"), zipfile.ZipFile(kit.archive) as archive:
            archive.extractall(Path(scratch) / "home")
        (folder,) = (Path(scratch) / "home").iterdir()
        ada = Newcomer(folder, scale="tiny")
        ada.install(python)
        with step("autograde doctor --line"):
            line = ada.run("autograde", "doctor", "--line", codes=(0, 1))
        with step("autograde check release (stubs, tiny scale)"):
            rows = ada.rows("autograde", "check", "release", codes=(1,))
        expect(rows and all(row["verdict"] != "AC" for row in rows), "a stub passes, or nothing was judged")
        with step("a first answer, checked"):
            path = folder / "release" / "0-will-it-fit" / "will_it_fit.ipynb"
            answer = {"nbytes": solution("0-will-it-fit", "nbytes", "accepted")}
            path.write_text(answered(path, answer), encoding="utf-8")
            rows = ada.rows("autograde", "check", str(path), codes=(1,))
        mine = [row for row in rows if row["exercise"] == "nbytes"]
        expect(mine and all(row["verdict"] == "AC" for row in mine), f"the right answer does not pass: {mine}")
    click.echo(
        f"{time.perf_counter() - begun:7.1f} s  in all, {len(mine)} tests of the first answer pass\n{line}", nl=False
    )


ASSIGNMENT, NOTEBOOK, EXERCISE = "1-zarr-and-dask", "zarr_and_dask", "stats"
#: The wrong answer whose message the instructor makes clearer, what of it stands in the source, and what is added.
WRONG, SAYS, CLEARER = (
    "mean_of_stds",
    "does not see how the slabs differ",
    " (think of two flat slabs, one dark)",
)
ROSTER = "id,name\nada,Ada Lovelace\nbo,Bo Ek\nmia,Mia\nzoe,Zoe\ntom,Tom Late\n"


def class_of(released: Path, folder: Path) -> tuple[Path, Path]:
    """What a class hands in: the zip of a learning platform, and a folder of notebooks named by student."""
    exercises = [one.name for one in sorted((GALLERY / ASSIGNMENT).iterdir()) if one.is_dir()]
    right = {name: solution(ASSIGNMENT, name, "accepted") for name in exercises}
    hungry = right | {EXERCISE: solution(ASSIGNMENT, EXERCISE, "memory_exceeded")}
    wrong = right | {EXERCISE: solution(ASSIGNMENT, EXERCISE, "wrong_answer", WRONG)}
    begun = {"save_chunked": right["save_chunked"]}
    export, by_name = folder / "export.zip", folder / "by-name"
    with zipfile.ZipFile(export, "w") as archive:
        archive.writestr(f"Ada Lovelace_12_assignsubmission_file_/{NOTEBOOK}.ipynb", answered(released, right))
        archive.writestr(f"Bo Ek_13_assignsubmission_file_/{NOTEBOOK} (1).ipynb", answered(released, hungry))
        archive.writestr(f"Eve Stranger_14_assignsubmission_file_/{NOTEBOOK}.ipynb", answered(released, right))
    by_name.mkdir()
    (by_name / f"mia_{NOTEBOOK}.ipynb").write_text(answered(released, wrong), encoding="utf-8")
    (by_name / f"{NOTEBOOK}_zoe.ipynb").write_text(answered(released, begun), encoding="utf-8")
    return export, by_name


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Change a text file; an edit that changes nothing is an error."""
    before = path.read_text(encoding="utf-8")
    after = change(before)
    expect(after != before, f"{path} is not as this program knows it")
    path.write_text(after, encoding="utf-8")


def check_grades(reports: list[dict[str, Any]], *, points: bool) -> None:
    """Everybody has the verdicts that they deserve, and the message that was made clearer is read."""
    found = {one["student"]: {test["test"]: test for test in one["tests"]} for one in reports}
    expect(sorted(found) == ["ada", "bo", "mia", "tom", "zoe"], f"graded were {sorted(found)}")
    verdicts = {who: {name: test["verdict"] for name, test in tests.items()} for who, tests in found.items()}
    expect(set(verdicts["ada"].values()) == {"AC"}, f"ada's right answers: {verdicts['ada']}")
    expect(verdicts["bo"][f"test_{EXERCISE}_memory"] == "MLE", f"bo's hungry answer: {verdicts['bo']}")
    expect(verdicts["mia"][f"test_{EXERCISE}"] == "WA", f"mia's wrong answer: {verdicts['mia']}")
    expect(CLEARER in found["mia"][f"test_{EXERCISE}"]["message"], "mia does not read the clearer message")
    expect({"AC", "NS"} == set(verdicts["zoe"].values()), f"zoe, who has begun: {verdicts['zoe']}")
    expect(set(verdicts["tom"].values()) == {"NS"}, f"tom, who is missing: {verdicts['tom']}")
    scores = {one["student"]: (one["score"], one["max_score"]) for one in reports}
    right = scores["ada"][0] == scores["ada"][1] > scores["bo"][0] > 0 if points else scores["ada"] == (None, None)
    expect(right, f"points are {scores}")


@main.command()
@_python
def instructor(python: str) -> None:
    """From a fresh clone to a graded class."""
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="newcomer-") as scratch:
        folder = Path(scratch) / "course"
        with step("git clone"):
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        me = Newcomer(folder, scale="laptop")
        me.install(python)
        prepare(me)
        teach(me, Path(scratch))
    click.echo(f"{time.perf_counter() - begun:7.1f} s  in all")


def prepare(me: Newcomer) -> None:
    """Before the course: look at the machine, mend a test, release it, prove it, make the kit."""
    with step("autograde doctor"):
        expect("ready" in me.run("autograde", "doctor"), "doctor does not say that the machine is ready")
    with step("a clearer message in a test of source/"):
        edit(
            me.folder / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb",
            lambda text: text.replace(SAYS, SAYS + CLEARER, 1),
        )
    with step(f"autograde release {ASSIGNMENT}"):
        me.run("autograde", "release", ASSIGNMENT)
    released = (me.folder / "release" / ASSIGNMENT / f"{NOTEBOOK}.ipynb").read_text(encoding="utf-8")
    expect(CLEARER in released, "the release does not have the clearer message")
    expect("BEGIN SOLUTION" not in released and "BEGIN HIDDEN" not in released, "the release holds hidden text")
    with step(f"autograde verify {ASSIGNMENT} --exercise {EXERCISE} --quick"):
        (row,) = me.rows("autograde", "verify", ASSIGNMENT, "--exercise", EXERCISE, "--quick", "newcomer")
    expect(row["accepted"] and not row["faults"], f"verify says {row}")
    with step("autograde kit build/kit --codes"):
        printed = me.run("autograde", "kit", "build/kit", "--codes")
    expect(
        re.search(rf"{NOTEBOOK}/{EXERCISE} .* [a-z0-9]{{4}}-[a-z0-9]{{4}}", printed),
        f"no code for {EXERCISE}:\n{printed}",
    )
    (archive,) = (me.folder / "build" / "kit").glob("*.zip")
    expect(archive.stat().st_size < 5e6, f"the kit has {archive.stat().st_size / 1e6:.1f} MB")


def teach(me: Newcomer, scratch: Path) -> None:
    """During and after: collect, grade, report, the same in graded mode with feedback, solutions."""
    (me.folder / "roster.csv").write_text(ROSTER, encoding="utf-8")
    roster = ("--roster", "roster.csv")
    kit = scratch / "kit"
    with zipfile.ZipFile(next((me.folder / "build" / "kit").glob("*.zip"))) as archive:
        archive.extractall(kit)
    (released,) = kit.glob(f"*/release/{ASSIGNMENT}/{NOTEBOOK}.ipynb")
    export, by_name = class_of(released, scratch)
    with step("autograde collect export.zip --roster roster.csv"):
        rows = me.rows("autograde", "collect", str(export), *roster)
        rows += me.rows("autograde", "collect", str(by_name), *roster)
    came = {row["student"] for row in rows if row["status"] == "collected"}
    expect(came == {"ada", "bo", "mia", "zoe"}, f"collected were {sorted(came)}")
    expect("Eve Stranger" in {row["student"] for row in rows if row["status"] == "unknown student"}, "Eve is let in")
    expect("tom" in {row["student"] for row in rows if row["status"] == "missing"}, "nobody misses tom")
    with step(f"autograde grade {ASSIGNMENT} (five students, the data made on the way)"):
        check_grades(me.rows("autograde", "grade", ASSIGNMENT, *roster), points=False)
    with step(f"autograde report {ASSIGNMENT}"):
        me.run("autograde", "report", ASSIGNMENT, *roster)
    page = (me.folder / "build" / "report" / ASSIGNMENT / "index.html").read_text(encoding="utf-8")
    expect(all(name in page for name in ("ada", "bo", "mia", "tom", "zoe")), "somebody is not in the report")
    with step("graded mode: release, grade again (nothing is judged twice)"):
        edit(me.folder / "nbgrader_config.py", lambda text: text.replace('mode = "practice"', 'mode = "graded"'))
        me.run("autograde", "release", ASSIGNMENT)
        check_grades(me.rows("autograde", "grade", ASSIGNMENT, *roster), points=True)
    with step(f"autograde feedback {ASSIGNMENT}"):
        me.run("autograde", "feedback", ASSIGNMENT)
    for who, words in (("bo", "memory exceeded"), ("mia", CLEARER), ("ada", "Accepted.")):
        text = (me.folder / "feedback" / who / ASSIGNMENT / f"{NOTEBOOK}.html").read_text(encoding="utf-8")
        expect(words in " ".join(text.split()), f"the feedback for {who} does not say {words!r}")
    with step(f"autograde release {ASSIGNMENT} --solutions"):
        me.run("autograde", "release", ASSIGNMENT, "--solutions")
    out = me.folder / "release-solutions" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    expect("BEGIN" not in out.read_text(encoding="utf-8"), "the solutions still have their markers")


if __name__ == "__main__":
    main()
