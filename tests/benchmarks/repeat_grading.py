"""Grade the demo's class again and again, with new hidden data each time, and compare the verdicts.

    autograde demo && python tests/benchmarks/repeat_grading.py --times 5

Prints verdicts that differ, and for each ceiling test of the accepted submissions the spread of its peaks. Exit 1 if any
verdict differs.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from pathlib import Path

import click

from autograde.cohort import grade
from autograde.course import find_course
from autograde.types import Verdict, format_bytes

ROOT = Path(__file__).resolve().parents[2]


@click.command()
@click.option("--times", type=click.IntRange(1), default=5, show_default=True)
@click.option(
    "--course", type=click.Path(path_type=Path, exists=True), default=ROOT / "build" / "demo", show_default=True
)
@click.option("--assignment", default="2-conversion", show_default=True)
def main(times: int, course: Path, assignment: str) -> None:
    """Grade a class again and again, and compare."""
    os.environ.setdefault("AUTOGRADE_DATA", str(ROOT / "data"))
    verdicts: dict[tuple[str, str], list[str]] = defaultdict(list)
    peaks: dict[str, list[int]] = defaultdict(list)
    for number in range(times):
        judged = grade(
            find_course(course),
            assignment,
            again=True,
            told=lambda one, total, number=number: click.echo(f"grading {number + 1}: {one.report.student}", err=True),
        )
        for one in judged:
            for test in one.report.tests:
                verdicts[one.report.student, test.test].append(test.verdict.words if test.verdict else "for a person")
                if test.verdict is Verdict.AC and test.peak_bytes is not None:
                    peaks[f"{one.report.student} {test.test}"].append(test.peak_bytes)
    flips = {where: words for where, words in verdicts.items() if len(set(words)) > 1}
    for (student, test), words in flips.items():
        click.echo(f"{student} {test}: {', '.join(words)}")
    click.echo(f"{times} gradings, {len(verdicts)} verdicts each, {len(flips)} of them differ")
    spreads = [(max(sizes) - min(sizes), name) for name, sizes in peaks.items()]
    if spreads:
        widest, name = max(spreads)
        click.echo(f"widest spread of an accepted peak: {format_bytes(widest)} ({name})")
    sys.exit(1 if flips else 0)


if __name__ == "__main__":
    main()
