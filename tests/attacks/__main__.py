"""The scoreboard: `python tests/attacks [--sandbox process] [--against nbgrader] [NAME ...]`.

Prints what becomes of each attack.

Exit 1 if one does not come out as it must (against nbgrader: never, it only shows).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import attack_course
import toys
from attack_course import ALONE, EXERCISES, Attack
from rich.console import Console
from rich.table import Table

from autograde.sandbox import choose_sandbox

WORDS = {"AC": "accepted", "WA": "wrong answer", "RTE": "error", "MLE": "memory", "TLE": "time", "NS": "nothing there"}


def ours(attacks: Sequence[Attack], sandbox: str) -> list[tuple[Attack, bool, str]]:
    """Each attack, whether it came out as it must, and how."""
    with tempfile.TemporaryDirectory(prefix="autograde-attacks-") as name:
        course, _ = attack_course.build(Path(name) / "course", attacks)

        def told(judged, total):
            print(f"  {judged.report.student}", file=sys.stderr)

        results, honest = attack_course.run(course, attacks, sandbox=sandbox, told=told)
    if honest != dict(attack_course.HONEST):
        raise SystemExit(f"honest students' marks changed: {honest}")
    for one in results:
        if not one.held:
            print(f"{one.attack.name}: {one.message}", file=sys.stderr)
    return [(one.attack, one.held, WORDS.get(one.got, one.got)) for one in results]


def nbgraders(attacks: Sequence[Attack]) -> list[tuple[Attack, bool, str]]:
    """The same attacks in a course of nbgrader's own, where one kernel runs both the answers and the tests."""
    from nbgrader.api import Gradebook

    with tempfile.TemporaryDirectory(prefix="autograde-attacks-") as name:
        root = Path(name) / "course"
        source = attack_course.source_of([(kind, kind) for kind in EXERCISES])
        toys.write(source, root / "source" / ALONE / "exercise.ipynb")
        (root / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "plain"\n')
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

        def nbgrader(*words: str) -> None:
            command = [sys.executable, "-m", "nbgrader", *words]
            subprocess.run(command, cwd=root, env=environment, check=False, capture_output=True)

        nbgrader("generate_assignment", ALONE, "--create")
        import nbformat

        released = nbformat.read(root / "release" / ALONE / "exercise.ipynb", as_version=4)
        for one in attacks:
            folder = root / "submitted" / one.name / ALONE
            folder.mkdir(parents=True)
            book = toys.answered(released, {one.exercise: one.answer(one.exercise)})
            if one.mutate:
                one.mutate(book, folder)
            nbformat.write(book, folder / "exercise.ipynb")
        nbgrader("autograde", ALONE, "--create")
        found = []
        with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
            for one in attacks:
                points = _points(book, one)
                held = points == 2 if one.expect == ("AC",) else points == 0
                found.append((one, held, f"{points:g} of 2 points"))
    return found


def _points(book, attack: Attack) -> float:
    from nbgrader.api import MissingEntry

    try:
        submitted = book.find_submission_notebook("exercise", ALONE, attack.name)
    except MissingEntry:
        return 0.0
    return sum(grade.score for grade in submitted.grades if grade.name == f"test_{attack.exercise}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python tests/attacks", description=__doc__)
    parser.add_argument("names", nargs="*", help="attacks whose file names begin so; default: all")
    parser.add_argument("--sandbox", choices=["auto", "bubblewrap", "process"], default="auto")
    parser.add_argument("--against", choices=["autograde", "nbgrader"], default="autograde")
    asked = parser.parse_args()
    attacks = [one for one in attack_course.corpus() if not asked.names or one.name.startswith(tuple(asked.names))]
    if asked.against == "nbgrader":
        where, rows = "nbgrader", nbgraders([one for one in attacks if one.nbgrader])
    else:
        where, remark = choose_sandbox(asked.sandbox)
        print(remark or "", file=sys.stderr)
        rows = ours([one for one in attacks if where == "bubblewrap" or not one.fenced], where)
    sheet = Table("attack", "what it tries", "must be", where, title=f"{where}: {len(rows)} attacks")
    for attack, held, got in rows:
        mark = "[green]✓[/]" if held else "[red]✗[/]"
        sheet.add_row(attack.name[1:], attack.words, " or ".join(WORDS[one] for one in attack.expect), f"{mark} {got}")
    Console(width=None if sys.stdout.isatty() else 140).print(sheet)
    lost = sum(not held for _, held, _ in rows)
    print(f"{len(rows) - lost} of {len(rows)} came out as they must")
    sys.exit(1 if lost and asked.against != "nbgrader" else 0)


if __name__ == "__main__":
    main()
