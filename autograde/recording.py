"""What memray sees: which functions, and which of the student's lines, allocated what was held at the peak."""

from __future__ import annotations

import importlib
import linecache
import logging
import os
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .habits import function_at
from .lines import cause_line, cell_name, own_row
from .types import Allocation, Line

__all__ = ["Held", "import_memray", "recorded"]

_RECORDING = threading.Lock()


@dataclass(slots=True)
class Held:
    """What memray saw at the peak, filled in when the recording ends."""

    allocations: list[Allocation] = field(default_factory=list)
    lines: list[tuple[int, str, Line]] = field(default_factory=list)  # bytes, file of the cell; largest first

    def line(self, *, at_least_bytes: int, cell: str | None) -> Line | None:
        """The student's line that holds the most, if that is enough to speak of.

        zarr and dask allocate on threads of their own, whose stacks lead to no cell; numpy's always do. `cell` is the file
        of the cell whose function was called, where that is known: a pool may run functions of others, who are not to blame.
        """
        for size, file, line in self.lines:
            if size >= max(at_least_bytes, 1) and cell in (None, file):
                return line
        return None


def import_memray() -> Any:
    """memray, without what it says on stderr; None where there is none (Windows).

    Beside Debian's interpreter, memray 1.20 warns of two corrected symbols when it is imported, below Python's own
    streams, and for nbgrader's Validate button anything on stderr is a failure.
    """
    if "memray" in sys.modules:
        return sys.modules["memray"]
    try:
        with _silent_stderr():
            memray: Any = importlib.import_module("memray")
    except ImportError:
        return None
    memray.set_log_level(logging.ERROR)
    return memray


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Nothing reaches the stream 2 of the system; where it is closed, there is nothing to do."""
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def recorded() -> Iterator[Held]:
    """What was held at the peak, by function and by the student's line; empty where memray cannot run.

    memray allows one tracker at a time, so a block inside a block has none of its own.
    """
    held = Held()
    memray = import_memray()
    if memray is None or not _RECORDING.acquire(blocking=False):
        yield held
        return
    try:
        with tempfile.TemporaryDirectory(prefix="autograde-", ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "recording.bin"
            try:
                tracker = memray.Tracker(path, file_format=memray.FileFormat.AGGREGATED_ALLOCATIONS)
                tracker.__enter__()
            except RuntimeError:  # the code that is measured is being recorded by somebody else
                yield held
                return
            try:
                yield held
            finally:
                tracker.__exit__(None, None, None)
                _read_recording(memray, path, held)
    finally:
        _RECORDING.release()


def _read_recording(memray: Any, path: Path, held: Held, *, count: int = 3) -> None:
    functions: Counter[tuple[str, str]] = Counter()
    lines: Counter[tuple[str, str, int]] = Counter()
    try:
        with memray.FileReader(path) as reader:
            for record in reader.get_high_watermark_allocation_records(merge_threads=True):
                stack = record.stack_trace(max_stacks=200)
                function, file = stack[0][:2] if stack else ("native code", "")
                functions[function, file if cell_name(file) is None else "your cell"] += int(record.size)
                own = [frame for frame in stack if cell_name(frame[1]) is not None]
                mine = own_row([(file, name) for name, file, _ in own])
                if mine is not None:
                    _, file, number = own[mine]
                    named = next((name for name, path, _ in own if path == file and name[0] != "<"), "<module>")
                    function = function_at("".join(linecache.getlines(file)), number) or named  # not "<lambda>"
                    lines[function, file, number] += int(record.size)
    except (OSError, ValueError):  # a recording that student code has tampered with explains nothing
        return
    held.allocations = [
        Allocation(size, function, os.path.basename(file))  # noqa: PTH119 - may be a made-up name
        for (function, file), size in functions.most_common(count)
    ]
    held.lines = [
        (size, file, cause_line(file, number, function)) for (function, file, number), size in lines.most_common(count)
    ]
