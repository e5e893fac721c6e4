"""What measuring costs, how repeatable peaks are, and whether verdicts near the margin ever flip.

    python tests/benchmarks/meter.py overhead --rounds 15
    python tests/benchmarks/meter.py parts --rounds 9
    python tests/benchmarks/meter.py repeat --rounds 50 --chunk 1
    python tests/benchmarks/meter.py verdicts --rounds 50
    python tests/benchmarks/meter.py margins 1-zarr-and-dask roi_trace --rounds 50

`overhead` alternates runs of four ways to go through a 128 MiB movie, in one process: plain; plain under the conditions
of a block (a fixed number of threads, no huge pages: they make verdicts the same on every machine); in a block with a
ceiling, as in JupyterLab; with tracemalloc. It prints medians of ratios to plain (in brackets: to the same conditions).
`parts` does the same with three reference solutions of 2-conversion, and has the parts of measuring apart: the poll, the
recording of allocations (memray), and a block that has both, as where it broke its ceiling the last time.

`repeat` measures each in `--rounds` new processes, quiet and with all cores kept busy, and as often what tracemalloc sees
in the same code. Two threads hold more or less by chance, one letting go of a chunk before the other takes the next or after
it: no meter should hide that. Arrays of numpy alone always hold the same: their spread is the meter's own. Spreads are told
of the peak, and of the smallest ceiling of the course, 64 MiB: verdicts depend on that.
`verdicts` asks for a verdict on an accepted answer (two thirds of the ceiling) and a hungry one (1.5 x the ceiling), each
`--rounds` times quiet and as often with all cores busy, and counts those that are wrong. Exit 1 if any.
`margins` does so with an exercise of the course and the judge: it judges all accepted and hungry solutions of the gallery
once, then again and again the accepted one that held most and the hungry one that held least.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import Any

import click
import dask
import dask.array as da
import numpy as np
import zarr

from autograde import MemoryCeilingExceeded, block, ceiling, measure
from autograde.conditions import pinned, warm_up
from autograde.course import find_course
from autograde.gallery import Entry, Run, overall, run_entry, solutions
from autograde.meters import default_meter
from autograde.notebook import Kind, read_notebook, rebuild
from autograde.poll import Poller
from autograde.recording import recorded
from autograde.types import Verdict, format_bytes

MIB = 2**20


def movie_at(folder: Path, mebibytes: int = 128, *, frames: int = 8) -> Any:
    """A movie of uint16 in chunks of so many frames, 8 to the MiB, random but for its upper bits."""
    array: Any = zarr.create_array(
        folder / "movie.zarr", shape=(mebibytes * 8, 256, 256), chunks=(frames, 256, 256), dtype="uint16"
    )
    rng = np.random.default_rng(0)
    for start in range(0, array.shape[0], frames):
        array[start : start + frames] = rng.integers(0, 2000, (frames, 256, 256), dtype="uint16")
    return array


def arrays_of_numpy(movie: Any, folder: Path) -> None:
    """Half of the movie's size is kept, in arrays of a chunk's; as many more come and go."""
    kept = []
    for number in range(movie.shape[0] // movie.chunks[0]):
        part = np.ones(movie.chunks, movie.dtype)
        if number % 2:
            kept.append(part)


def sum_by_loop(movie: Any, folder: Path) -> None:
    """Sum over time, a chunk at a time."""
    frames = movie.chunks[0]
    total = np.zeros(movie.shape[1:], np.uint64)
    for start in range(0, movie.shape[0], frames):
        total += movie[start : start + frames].sum(axis=0, dtype="uint64")


def mean_by_dask(movie: Any, folder: Path) -> None:
    """Mean over time, by dask."""
    da.from_zarr(movie).mean(axis=0).compute()


def double_to_zarr(movie: Any, folder: Path) -> None:
    """Twice the movie into another array, by dask."""
    out = zarr.create_array(
        folder / f"{time.monotonic_ns()}.zarr", shape=movie.shape, chunks=movie.chunks, dtype="uint16"
    )
    da.store(da.from_zarr(movie) * 2, out)


WORK: dict[str, Callable[[Any, Path], None]] = {
    "sum in a loop": sum_by_loop,
    "mean by dask": mean_by_dask,
    "double and store": double_to_zarr,
}
#: The same, after work that always holds the same.
STEADY = {"arrays of numpy": arrays_of_numpy, **WORK}
#: The smallest ceiling of the course.
CEILING_BYTES = 64 * MIB


@contextmanager
def traced() -> Iterator[None]:
    """What the standard library offers."""
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


@contextmanager
def busy() -> Iterator[None]:
    """All cores kept busy by other processes."""
    others = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(os.cpu_count() or 1)]
    for one in others:
        one.start()
    try:
        yield
    finally:
        for one in others:
            one.kill()
            one.join()


def _spin() -> None:
    while True:
        sum(range(10_000))


@click.group()
def main() -> None:
    """Benchmarks of the meter."""


@main.command()
@click.option("--rounds", type=click.IntRange(3), default=15, show_default=True)
@click.option("--mebibytes", type=click.IntRange(8), default=128, show_default=True)
def overhead(rounds: int, mebibytes: int) -> None:
    """Time with measuring over time without."""
    with tempfile.TemporaryDirectory() as name, dask.config.set(num_workers=2):
        folder = Path(name)
        movie = movie_at(folder, mebibytes)
        compare({label: lambda work=work: work(movie, folder) for label, work in WORK.items()}, rounds, _WHOLE)


def reference_solutions() -> dict[str, Callable[[], object]]:
    """What the reference solutions of 2-conversion/imaging do with the whole organ, at the current scale."""
    os.environ["MPLBACKEND"] = "agg"
    source = read_notebook(Path(__file__).resolve().parents[2] / "source" / "2-conversion" / "imaging.ipynb")
    space: dict[str, Any] = {"__name__": "__main__"}
    for cell in rebuild("imaging", source, source).cells:
        if cell.kind in (Kind.SETUP, Kind.SOLUTION):
            exec(compile(cell.source, cell.label, "exec"), space)
    fresh_path, stack, chunks = space["fresh"], space["stack_folder"], space["CHUNKS"]
    image = space["tiff_stack_to_zarr"](stack, fresh_path("image"), chunks)

    def halve() -> None:
        shape = [-(-n // 2) for n in image.shape]
        space["downsample2"](image, zarr.create_array(fresh_path("half"), shape=shape, chunks=chunks, dtype="uint16"))

    return {
        "tiff_stack_to_zarr": lambda: space["tiff_stack_to_zarr"](stack, fresh_path("out"), chunks),
        "downsample2": halve,
        "convert_volume": lambda: space["convert_volume"](stack, fresh_path("volume"), (5.0, 2.0, 2.0), 4),
    }


@contextmanager
def polled() -> Iterator[None]:
    """Under the conditions of a block, held memory is read every few milliseconds, and nothing else."""
    with pinned():
        poller = Poller(default_meter())
        poller.start()
        try:
            yield
        finally:
            poller.stop()


@contextmanager
def allocations() -> Iterator[None]:
    """Under the conditions of a block, memray records allocations, and nothing else."""
    with pinned(), recorded():
        yield


@contextmanager
def measured(*, record: bool = False) -> Iterator[None]:
    """In a block with a ceiling, as in JupyterLab."""
    run = block.LocalRun(block.Spec(CEILING_BYTES), meter=default_meter(), record=record)
    try:
        yield
    finally:
        run.end()


_WHOLE: dict[str, Callable[[], Any]] = {
    "plain": nullcontext,
    "conditions": pinned,
    "measured": measured,
    "tracemalloc": traced,
}
_PARTS: dict[str, Callable[[], Any]] = {
    **_WHOLE,
    "poll": polled,
    "memray": allocations,
    "measured and recorded": lambda: measured(record=True),
}


def compare(works: Mapping[str, Callable[[], object]], rounds: int, ways: Mapping[str, Callable[[], Any]]) -> None:
    """Alternate `ways` of running each of `works`; print medians of what each takes beyond others in the same round."""

    def told(way: str, seconds: Sequence[Mapping[str, float]]) -> str:
        plain, same = (100 * (median(one[way] / one[base] for one in seconds) - 1) for base in ("plain", "conditions"))
        return f"{way} {plain:+.0f} %" + ("" if way == "conditions" else f" ({same:+.0f} %)")

    everything = []
    for label, work in works.items():
        found: list[dict[str, float]] = []
        for number in range(rounds + 1):
            found.append({})
            for way in list(ways) if number % 2 else reversed(ways):
                # the work inside of the block: a fixed cost before and after it is not printed
                with ways[way]():
                    began = time.perf_counter()
                    work()
                    found[-1][way] = time.perf_counter() - began
        del found[0]  # it warms up
        everything += found
        plain = 1000 * median(one["plain"] for one in found)
        click.echo(f"{label:18} {plain:.0f} ms plain; {', '.join(told(way, found) for way in ways if way != 'plain')}")
    click.echo(f"{'all':18} {', '.join(told(way, everything) for way in ways if way != 'plain')}")


@main.command()
@click.option("--rounds", type=click.IntRange(3), default=9, show_default=True)
def parts(rounds: int) -> None:
    """Which part of measuring takes how long."""
    compare(reference_solutions(), rounds, _PARTS)


@contextmanager
def new_processes() -> Iterator[Callable[..., Any]]:
    """A function that calls another in a new process, forked from one that has only imported what this file imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["autograde.block", "autograde.notebook", "dask.array", "zarr"]
    )  # Python 3.11 preloads no `__main__`
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool:
        yield lambda function, *args: pool.submit(function, *args).result()


def peak_bytes(movie: Path, work: str) -> int:
    """What a block tells."""
    array = zarr.open_array(movie, mode="r")
    with measure() as seen:
        STEADY[work](array, movie.parent)
    assert seen.peak_bytes is not None
    return seen.peak_bytes


def traced_bytes(movie: Path, work: str) -> int:
    """What tracemalloc tells, under the conditions of a block: Python's objects and arrays, not what codecs allocate."""
    array = zarr.open_array(movie, mode="r")
    warm_up()
    with pinned(), traced():
        STEADY[work](array, movie.parent)
        return tracemalloc.get_traced_memory()[1]


def verdict(movie: Path, blocks: int) -> str:
    """Of a block with a ceiling of 64 MiB that keeps so many blocks of the movie, of 1 MiB each."""
    array = zarr.open_array(movie, mode="r")
    try:
        with ceiling(CEILING_BYTES):
            kept = [array[start : start + 8] for start in range(0, 8 * blocks, 8)]
            del kept
    except MemoryCeilingExceeded:
        return "memory exceeded"
    return "accepted"


@main.command()
@click.option("--rounds", type=click.IntRange(2), default=50, show_default=True)
@click.option("--mebibytes", type=click.IntRange(8), default=128, show_default=True)
@click.option("--chunk", type=click.IntRange(1), default=1, show_default=True, help="MiB of each chunk.")
@click.option("--work", type=click.Choice(list(STEADY)), multiple=True, help="Only these; default: all.")
def repeat(rounds: int, mebibytes: int, chunk: int, work: Sequence[str]) -> None:
    """Spread of peaks."""
    with tempfile.TemporaryDirectory() as name, new_processes() as new:
        movie_at(Path(name), mebibytes, frames=8 * chunk)
        for label in work or STEADY:
            for load in (nullcontext, busy):
                found: dict[Callable[[Path, str], int], list[int]] = {peak_bytes: [], traced_bytes: []}
                for _ in range(rounds):
                    with load():
                        for told, values in found.items():
                            values.append(new(told, Path(name) / "movie.zarr", label))
                peaks, traces = found.values()
                middle = median(peaks)
                click.echo(
                    f"{label:16} {'busy ' if load is busy else 'quiet'} {rounds} peaks: median {format_bytes(middle)}, from "
                    f"{format_bytes(min(peaks))} to {format_bytes(max(peaks))}; spread {spread(peaks):.1f} %, "
                    f"{100 * (max(peaks) - min(peaks)) / CEILING_BYTES:.1f} % of {format_bytes(CEILING_BYTES)}; "
                    f"tracemalloc's {spread(traces):.1f} %; "
                    f"highest {100 * (max(peaks) / middle - 1):.1f} % above the median"
                )


def spread(values: Sequence[int]) -> float:
    """Highest less lowest in percent of the median."""
    return 100 * (max(values) - min(values)) / median(values)


@main.command()
@click.option("--rounds", type=click.IntRange(1), default=50, show_default=True)
def verdicts(rounds: int) -> None:
    """Verdicts near the margin."""
    wrong = 0
    with tempfile.TemporaryDirectory() as name, new_processes() as new:
        movie_at(Path(name), 128)
        for blocks, expected in ((42, "accepted"), (96, "memory exceeded")):
            for load in (nullcontext, busy):
                flips = 0
                for _ in range(rounds):
                    with load():
                        flips += new(verdict, Path(name) / "movie.zarr", blocks) != expected
                wrong += flips
                click.echo(
                    f"{blocks} of 64 MiB, {'busy' if load is busy else 'quiet'}: {rounds - flips} of {rounds} {expected}"
                )
    click.echo(f"{4 * rounds} verdicts, {wrong} wrong")
    sys.exit(1 if wrong else 0)


@main.command()
@click.argument("assignment")
@click.argument("exercise")
@click.option("--rounds", type=click.IntRange(1), default=50, show_default=True)
@click.option(
    "--course", "place", type=click.Path(path_type=Path, exists=True), default=__file__, help="Default: this one."
)
def margins(assignment: str, exercise: str, rounds: int, place: Path) -> None:
    """Verdicts on the solutions of an exercise that are nearest to its ceilings, judged."""
    course = find_course(place)
    owner = {name: book for book in course.notebooks(assignment).values() for name in book.exercises()}
    notebook = owner[exercise]
    entries = [
        entry
        for entry in solutions(course.root / "tests" / "gallery", assignment, list(owner))
        if entry.exercise == exercise and entry.expected in (Verdict.AC, Verdict.MLE)
    ]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:

        def run(entry: Entry) -> Run:
            return run_entry(course, notebook, entry, Path(folder) / "run", in_kernel=False, sandbox="bubblewrap")

        once = [run(entry) for entry in entries]
        nearest = [
            max((one for one in once if one.entry.expected is Verdict.AC), key=lambda one: one.ratio or 0.0),
            min((one for one in once if one.entry.expected is Verdict.MLE), key=lambda one: one.ratio or 0.0),
        ]
        for entry in (one.entry for one in nearest):
            for load in (nullcontext, busy):
                with load():
                    runs = [run(entry) for _ in range(rounds)]
                right = sum(overall(one.judged or ()) is entry.expected for one in runs)
                wrong += rounds - right
                ratios = sorted(one.ratio or 0.0 for one in runs)
                click.echo(
                    f"{entry.exercise}/{entry.name}, {'busy' if load is busy else 'quiet'}: {right} of {rounds} "
                    f"{entry.expected.words}; peak {ratios[0]:.2f} to {ratios[-1]:.2f} of its ceiling"
                )
    click.echo(f"{4 * rounds} verdicts, {wrong} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
