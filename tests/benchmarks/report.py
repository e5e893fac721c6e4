"""The report of a large class: how long it takes, how large it is, and what it looks like, wide and narrow.

    python tests/benchmarks/report.py --students 300

The class is made up: facts of all kinds for the tests of an assignment, with peaks and charts that differ from one student
to the next. Pictures go to build/screenshots.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1])]
from browser import chromium, new_page, screenshot  # noqa: E402

from autograde import verdict  # noqa: E402
from autograde.course import find_course  # noqa: E402
from autograde.notebook import Cell  # noqa: E402
from autograde.report import write_report  # noqa: E402
from autograde.types import MIB, Exit, Line, Measurement, Outcome, Problem, Report, format_bytes  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
_CEILING = 64 * MIB
#: How the tests of a class end, and how often.
_ENDS = {Exit.PASSED: 0.8, Exit.RAISED: 0.17, Exit.TIMEOUT: 0.02, Exit.DIED: 0.009, Exit.JUDGE_ERROR: 0.001}

_PROBLEMS = {
    Exit.RAISED: Problem("AssertionError", "Expected the shape (130, 259, 251), got (129, 258, 250).", False),
    Exit.DIED: Problem("Died", "the Python process ended while this ran: it exited with code 1", True),
    Exit.JUDGE_ERROR: Problem("JudgeError", "the judge ended without a result", False),
}


def outcome(rng: np.random.Generator, notebook: str, cell: Cell) -> Outcome:
    """What may have come out of a test."""
    how = rng.choice(np.array(list(_ENDS), dtype=object), p=list(_ENDS.values()))
    blocks: tuple[Measurement, ...] = ()
    problem = _PROBLEMS.get(how)
    if "ceiling(" in cell.source and how is not Exit.JUDGE_ERROR:
        hungry = how is Exit.RAISED
        peak = int(_CEILING * rng.uniform(1.6, 5.0)) if hungry else int(_CEILING * rng.uniform(0.3, 0.65))
        shape = np.concatenate([np.linspace(0, 1, 60), np.full(30, 0.9)])
        samples = tuple((0.02 * i, int(part * peak)) for i, part in enumerate(shape))
        line = Line(cell.label, 7, "whole = array[:]", "convert") if hungry else None
        blocks = (Measurement("tree", peak, _CEILING, 1.8, samples=samples, line=line, data_bytes=128 * MIB),)
        if hungry:
            problem = Problem("MemoryCeilingExceeded", "Right answer, too much memory.", False)
    return Outcome(notebook, cell.label, how, problem, blocks=blocks, wall_seconds=round(rng.uniform(0.1, 9), 2))


def made_up(students: int, assignment: str) -> tuple[list[Report], dict[tuple[str, str, str], Outcome]]:
    """Reports and facts of a class of any size."""
    rng = np.random.default_rng(0)
    tests = [(name, cell) for name, book in find_course(ROOT).notebooks(assignment).items() for cell in book.tests()]
    reports, facts = [], {}
    for number in range(students):
        found = [outcome(rng, name, cell) for name, cell in tests]
        results = [
            verdict.result_of(one, cell.points, practice=False) for one, (_, cell) in zip(found, tests, strict=True)
        ]
        student = f"student-{number:04d}"
        reports.append(verdict.report(student, assignment, results, sandbox="bubblewrap"))
        facts |= {(student, one.notebook, one.test): one for one in found}
    return reports, facts


@click.command()
@click.option("--students", type=click.IntRange(1), default=300, show_default=True)
@click.option("--assignment", default="2-conversion", show_default=True)
def main(students: int, assignment: str) -> None:
    """Write it, open it, print the figures."""
    reports, facts = made_up(students, assignment)
    with tempfile.TemporaryDirectory(prefix="autograde-report-") as scratch:
        began = time.perf_counter()
        page = write_report(Path(scratch, "report"), reports, title=assignment, outcomes=facts)
        seconds = time.perf_counter() - began
        size = sum(path.stat().st_size for path in page.parent.rglob("*") if path.is_file())
        click.echo(
            f"{students} students, {len(facts)} tests: written in {seconds:.1f} s, {format_bytes(size)} in all, index "
            f"{format_bytes(page.stat().st_size)}; peak of this process, facts included, "
            f"{format_bytes(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)}"
        )
        with chromium() as browser:
            for name, width, height in (("wide", 1500, 950), ("narrow", 420, 900)):
                with new_page(browser, width=width, height=height) as tab:
                    began = time.perf_counter()
                    tab.goto(page.as_uri())
                    opened = time.perf_counter() - began
                    screenshot(tab, f"report-{students}-{name}")
                    tab.locator(".bytest").scroll_into_view_if_needed()
                    screenshot(tab, f"report-{students}-{name}-tests")
                    over = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                    click.echo(f"{name}: opened in {opened:.1f} s, {max(over, 0)} pixels wider than the window")


if __name__ == "__main__":
    main()
