"""What the sandbox costs: the same small submission judged with and without, by turns.

    python tests/benchmarks/sandbox.py --times 10

Prints the median seconds of wall time and of processor time for each, and of the differences of neighbours. Processor time
says what it costs on a machine that is busy with other things.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import toys

from autograde.judge import Job, run_job
from autograde.sandbox import choose_sandbox

CALLS = """\
def many(n):
    return n + 1"""
TEST_CALLS = "for n in range(100):\n    assert many(n) == n + 1"


def seconds(folder: Path, sandbox: str, answers: dict[str, str], source: object) -> tuple[float, float]:
    """Wall and processor seconds of one judging, judge and student and sandbox together."""
    path = toys.write(source, folder / "source" / "exercise.ipynb")
    submission = toys.write(toys.answered(source, answers), folder / "submission.ipynb")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run_job(
        Job("exercise", str(path), str(submission), str(path.parent), sandbox=sandbox),
        folder / f"{time.monotonic_ns()}.jsonl",
    )
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


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
        found: dict[str, list[tuple[float, float]]] = {"process": [], "bubblewrap": []}
        with tempfile.TemporaryDirectory() as folder:
            for number in range(2 * times + 2):
                sandbox = ("process", "bubblewrap")[number % 2]
                one = seconds(Path(folder), sandbox, answers, source)
                if number > 1:  # the first of each warms up
                    found[sandbox].append(one)
        click.echo(f"{name}, {times} times each, load {os.getloadavg()[0]:.1f}")
        for place, what in enumerate(("wall", "processor")):
            columns = {sandbox: [one[place] for one in ones] for sandbox, ones in found.items()}
            more = statistics.median(b - a for a, b in zip(*columns.values(), strict=True))
            process, fenced = map(statistics.median, columns.values())
            click.echo(f"  {what:9} {process:.2f} s plain, {fenced:.2f} s in bubblewrap, {more:+.2f} s")


if __name__ == "__main__":
    main()
