"""What the sandbox costs: the same small submission judged with and without, by turns.

    python tests/benchmarks/sandbox.py --times 10

Prints the median seconds of each, and of the differences between neighbours; judge, student and sandbox together.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import toys

from autograde.jobs import run_job
from autograde.sandbox import choose_sandbox
from autograde.session import Job

CALLS = """\
def many(n):
    return n + 1"""
TEST_CALLS = "for n in range(100):\n    assert many(n) == n + 1"


def seconds(folder: Path, sandbox: str, answers: dict[str, str], source: object) -> float:
    """Wall seconds of one judging."""
    path = toys.write(source, folder / "source" / "exercise.ipynb")
    submission = toys.write(toys.answered(source, answers), folder / "submission.ipynb")
    began = time.perf_counter()
    run_job(
        Job("exercise", str(path), str(submission), str(path.parent), sandbox=sandbox),
        folder / f"{time.monotonic_ns()}.jsonl",
    )
    return time.perf_counter() - began


@click.command()
@click.option("--times", type=click.IntRange(2), default=10, show_default=True)
def main(times: int) -> None:
    """Judge with and without the sandbox, by turns."""
    choose_sandbox("bubblewrap")
    for name, source, answers in (
        ("two tests, two calls", toys.source_book(), toys.RIGHT),
        (
            "one test, a hundred calls",
            toys.book(toys.setup(toys.SETUP), toys.solution("many", CALLS), toys.test("test_many", TEST_CALLS)),
            {"many": CALLS},
        ),
    ):
        found: dict[str, list[float]] = {"process": [], "bubblewrap": []}
        with tempfile.TemporaryDirectory() as folder:
            for number in range(2 * times + 2):
                sandbox = ("process", "bubblewrap")[number % 2]
                one = seconds(Path(folder), sandbox, answers, source)
                if number > 1:  # the first of each warms up
                    found[sandbox].append(one)
        click.echo(f"{name}, {times} times each, load {os.getloadavg()[0]:.1f}")
        more = statistics.median(b - a for a, b in zip(*found.values(), strict=True))
        process, fenced = map(statistics.median, found.values())
        click.echo(f"  {process:.2f} s plain, {fenced:.2f} s in bubblewrap, {more:+.2f} s")


if __name__ == "__main__":
    main()
