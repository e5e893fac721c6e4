"""`slope`: does memory grow with the data? The same code on n and on 4n, judged by the growth of its peak.

Independent of the machine, of libraries that are loaded on the way, and of worker processes that hold memory while idle:
what is there in both runs cancels. So it is the way to judge code that uses processes or a cluster.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from .block import MemoryCeilingExceeded, Spec, current_bench
from .errors import CourseError
from .explain import explain_memory
from .lines import functions_named, stands_at_top_of_cell
from .types import NOISE_BYTES, STREAMING_PER_BYTE, Growth, Measurement, format_bytes, parse_bytes

__all__ = ["NOISE_BYTES", "Slope", "slope"]


@dataclass(frozen=True, slots=True, eq=False)
class Slope:
    """Two runs and the growth of their peaks."""

    results: tuple[Any, Any]  # of the small run and of the large one
    measurement: Measurement  # of the large run; the small one is its `growth`

    @property
    def peak_bytes(self) -> tuple[int | None, int | None]:
        """Peaks of held memory of the two runs; None where not observed."""
        growth = self.measurement.growth
        return (None if growth is None else growth.small_peak_bytes, self.measurement.peak_bytes)

    @property
    def per_byte(self) -> float | None:
        """Bytes of memory that the peak grew by for each byte of data more: 0 for streaming, 1 for one copy of it all."""
        return self.measurement.per_byte


def slope(
    run: Callable[[Any], Any],
    small: Any,
    large: Any,
    *,
    at_most: float = STREAMING_PER_BYTE,
    data: tuple[str | int, str | int] | None = None,
) -> Slope:
    """Call `run(small)`, then `run(large)`, and fail if the peak grows by more than `at_most` bytes per byte of data.

    `small` and `large` are arrays (their `nbytes` count), or `data` gives their sizes, in bytes or as "32 MiB"; the large
    one should be four times the small one, and at least 80 MiB larger (growth below 16 MiB is noise). Draws both peaks
    against the size of the data, extended to 1 TiB. Raises `CourseError` for sizes that are not known or cannot be compared,
    and `MemoryCeilingExceeded`; in a notebook, where the call stands at the top of a cell, after the rest of the cell has
    run, so that the message can say whether the answer is right.

    Source: the growth of a peak between two sizes is what distinguishes a stream from a copy, whatever the constant
    part is.

    Example:
        growth = slope(lambda movie: smooth(movie, 2.0), small, large)
        print(growth.per_byte)
    """
    small_bytes, large_bytes = _sizes(small, large, data)
    bench = current_bench()
    frame = sys._getframe(1)
    top_level = stands_at_top_of_cell(frame)
    first, before = _measured(run, small, Spec(None, data_bytes=small_bytes))
    if before.peak_bytes is None or before.stopped:
        raise MemoryCeilingExceeded(explain_memory(before), before)
    allowed = before.peak_bytes + max(round(at_most * (large_bytes - small_bytes)), NOISE_BYTES)
    growth = Growth(before.peak_bytes, small_bytes, at_most)
    place = (frame.f_code.co_filename, frame.f_lineno)
    calls = (run, *functions_named(run.__code__, run.__globals__)) if isinstance(run, FunctionType) else ()
    spec = Spec(allowed, data_bytes=large_bytes, growth=growth, place=place, calls=calls)
    second, after = _measured(run, large, spec)
    bench.show(after)
    if after.exceeded:
        error = MemoryCeilingExceeded(explain_memory(after), after)
        if after.stopped or not (top_level and bench.postpone(error)):
            raise error
    return Slope((first, second), after)


def _sizes(small: Any, large: Any, data: Any) -> tuple[int, int]:
    """Bytes of the small and of the large data, as the caller or the arrays say. Raises `CourseError`."""
    given: Any = (getattr(small, "nbytes", None), getattr(large, "nbytes", None)) if data is None else data
    try:
        small_bytes, large_bytes = (parse_bytes(size) for size in given)
    except (TypeError, ValueError) as error:  # not two, or not sizes; of a dask array with unknown chunks it is nan
        raise CourseError(
            "slope() needs to know how much data there is, two sizes above zero, got "
            f"{given!r}: pass arrays, or data=(bytes of small, bytes of large), such as data=('32 MiB', '128 MiB')"
        ) from error
    if small_bytes >= large_bytes:
        raise CourseError(
            "slope() compares a small run with a larger one, "
            f"got {format_bytes(small_bytes)} and {format_bytes(large_bytes)}: pass the smaller one first"
        )
    return small_bytes, large_bytes


def _measured(run: Callable[[Any], Any], data: Any, spec: Spec) -> tuple[Any, Measurement]:
    """One run, and what it held. What the run raises comes through, unless the meter stopped it."""
    bench = current_bench()
    begun = bench.begin(spec)
    try:
        result = run(data)
    except BaseException as error:
        measurement = begun.end()
        if measurement.stopped or (isinstance(error, MemoryError) and measurement.exceeded):
            bench.show(measurement)
            raise MemoryCeilingExceeded(explain_memory(measurement), measurement) from None
        raise
    return result, begun.end()
