"""The report of a large class: how long it takes, how large it is, and what it looks like, wide and narrow.

    make demo && python tests/benchmarks/report.py --students 300

The made-up class of ten is taken again and again, under new names and with peaks up to 5 % apart. Pictures go to
build/screenshots.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

sys.path[:0] = [str(Path(__file__).parents[1])]
from browser import chromium, new_page, screenshot  # noqa: E402

from autograde import cohort  # noqa: E402
from autograde.course import find_course  # noqa: E402
from autograde.report import write_report  # noqa: E402
from autograde.types import Outcome, Report, format_bytes  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
_Facts = dict[tuple[str, str, str], Outcome]


def multiplied(judged: list[Any], students: int) -> tuple[list[Report], _Facts]:
    """Reports and facts of a class of any size: those of `judged` in turn, with peaks that differ a little."""
    rng = random.Random(0)
    reports: list[Report] = []
    facts: _Facts = {}
    for number in range(students):
        one = judged[number % len(judged)]
        name = f"{one.report.student}-{number:04d}"
        part = rng.uniform(0.95, 1.05)
        tests = tuple(
            test if test.peak_bytes is None else replace(test, peak_bytes=round(part * test.peak_bytes))
            for test in one.report.tests
        )
        reports.append(replace(one.report, student=name, tests=tests))
        facts |= {(name, fact.notebook, fact.test): fact for fact in one.outcomes}
    return reports, facts


@click.command()
@click.option("--students", type=click.IntRange(1), default=300, show_default=True)
@click.option("--course", "root", type=click.Path(path_type=Path, exists=True), default=ROOT / "build" / "demo")
@click.option("--assignment", default="2-conversion", show_default=True)
def main(students: int, root: Path, assignment: str) -> None:
    """Write it, open it, print the figures."""
    course = find_course(root)
    reports, facts = multiplied(cohort.grade(course, assignment), students)
    with tempfile.TemporaryDirectory(prefix="autograde-report-") as scratch:
        began = time.perf_counter()
        page = write_report(Path(scratch, "report"), reports, title=assignment, outcomes=facts, practice=True)
        seconds = time.perf_counter() - began
        size = sum(path.stat().st_size for path in page.parent.rglob("*") if path.is_file())
        with chromium() as browser:
            for name, width, height in (("wide", 1500, 950), ("narrow", 420, 900)):
                with new_page(browser, width=width, height=height) as tab:
                    began = time.perf_counter()
                    tab.goto(page.as_uri())
                    opened = time.perf_counter() - began
                    screenshot(tab, f"report-{students}-{name}")
                    tab.locator("table").last.scroll_into_view_if_needed()
                    tab.mouse.wheel(0, 600)
                    screenshot(tab, f"report-{students}-{name}-table")
                    overflow = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                    click.echo(f"{name}: opened in {opened:.1f} s, {max(overflow, 0)} pixels wider than the window")
        click.echo(
            f"{students} students: written in {seconds:.1f} s, index {format_bytes(page.stat().st_size)}, "
            f"all pages {format_bytes(size)}, "
            f"peak of this process {format_bytes(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)}"
        )


if __name__ == "__main__":
    main()
