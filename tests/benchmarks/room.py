"""A room of simulated laptops that report to a board: `python tests/benchmarks/room.py --laptops 30`.

Each laptop checks again and again, a little further each time, and reports what `autograde check --board` would.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from autograde.board import Place, Told, counts, places_of, read, send
from autograde.board_server import application, serve
from autograde.course import find_course
from autograde.types import Verdict

NOT_YET = (Verdict.MLE, Verdict.MLE, Verdict.WA, Verdict.WA, Verdict.RTE, Verdict.TLE)


@contextmanager
def running_board(path: Path, places: Sequence[Place], *, title: str = "toy") -> Iterator[str]:
    """A board on a free port of this machine; yields its address."""
    started, stop, where = threading.Event(), threading.Event(), []

    def told(addresses: tuple[str, ...]) -> None:
        where.extend(addresses)
        started.set()

    app = application(path, places, title=title)
    options = {"port": 0, "host": "127.0.0.1", "told": told, "stopped": stop.is_set}
    thread = threading.Thread(target=serve, args=(app,), kwargs=options)
    thread.start()
    try:
        assert started.wait(30), "the board did not start"
        yield where[0]
    finally:
        stop.set()
        thread.join(30)


def laptop(number: int, places: Sequence[Place], rounds: int) -> Iterator[Told]:
    """What one laptop tells, round by round: exercises pass from the first to the last, faster for some."""
    chance = random.Random(number)
    reached, pace = 0.0, chance.uniform(0.3, 1.0) * len(places) / rounds
    for _ in range(rounds):
        reached += pace * chance.uniform(0.5, 1.5)
        verdicts = {
            place.number: Verdict.AC if n < reached else chance.choice(NOT_YET) if n < reached + 2 else Verdict.NS
            for n, place in enumerate(places)
        }
        yield Told(number.to_bytes(5, "big"), verdicts)


def run(address: str, places: Sequence[Place], *, laptops: int, rounds: int) -> list[float]:
    """All laptops report at once, each round by round; returns how long each report took, in seconds."""

    def work(number: int) -> list[float]:
        taken = []
        for told in laptop(number, places, rounds):
            begun = time.perf_counter()
            send(address, told)
            taken.append(time.perf_counter() - begun)
        return taken

    with ThreadPoolExecutor(laptops) as pool:
        return [seconds for some in pool.map(work, range(laptops)) for seconds in some]


@click.command()
@click.option("--laptops", type=click.IntRange(1, 500), default=30, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=10, show_default=True)
@click.option("--address", help="Of a board that runs already; default: one is started.")
@click.option("--stay", is_flag=True, help="Go on showing its page.")
@click.argument("assignments", nargs=-1)
def main(laptops: int, rounds: int, address: str | None, stay: bool, assignments: tuple[str, ...]) -> None:
    """Report to a board as a room of laptops would, and tell how long a report takes."""
    places = places_of(find_course(Path(__file__).parent), assignments)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "board.txt"
        where = address or stack.enter_context(running_board(path, places, title="out-of-core"))
        seconds = run(where, places, laptops=laptops, rounds=rounds)
        for one in () if address else counts(read(path).values(), places):
            click.echo(f"{one.place.exercise:24} {one.words}")
        slowest, median = max(seconds), statistics.median(seconds)
        click.echo(
            f"{len(seconds)} reports by {laptops} laptops: median {median * 1e3:.0f} ms, slowest {slowest * 1e3:.0f} ms"
        )
        if stay:
            click.pause(f"{where}: press a key to end")


if __name__ == "__main__":
    main()
