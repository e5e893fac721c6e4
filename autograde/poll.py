"""A poll of held memory: its peak, the way there, and a word when it passes a limit.

It reads a meter every few milliseconds (on a plateau, tens), and so sees any peak that takes longer than that to touch. A
thread of the same process polls only when the interpreter lets it, so the kernel's own high-water mark is asked too: the
mark minus the file-backed part is held memory, as long as the file-backed part and the children stood still. A file that
was mapped and unmapped between two polls is told from memory by the page faults: memory takes one for each page (huge
pages are off), a map of a cached file one for sixteen. Children, and files in the private memory of a sandbox, have no such
second look: what is there for less than the time between two polls (on a starved machine, tens of milliseconds) may be
missed.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from .errors import MeterError

__all__ = ["POLL_SECONDS", "Meter", "Peak", "Poller", "Reading", "hurry"]

POLL_SECONDS = 0.003
#: On a plateau a poll waits for this part of the time that has passed since the last new peak, up to this many times its
#: pause: to wake up costs Python's other threads more than the reading itself.
_CALM_PART = 0.1
_CALM = 8
#: However long a reading takes, the next one follows by then.
_LONGEST_PAUSE_SECONDS = 0.1
#: A new peak is worth a look at the stack when it is this much above the last one.
_STEP_BYTES = 2**20
#: How many (time, bytes) pairs are kept for the chart.
_MAX_SAMPLES = 240
#: A stop may be lost in a callback, where Python ignores what is raised, or caught: so it is told again after this time, or
#: as soon as so much more is held.
_STOP_AGAIN_SECONDS = 0.5
_STOP_AGAIN_BYTES = 64 * 2**20
#: Of the polling thread, where the system grants it (on Linux a thread has one of its own: setpriority(2)).
_PRIORITY = -10
#: File-backed pages that move by less than this have not been mapped by the block (only a library's own pages), and
#: children whose memory moves by less are idle.
_STEADY_BYTES = 4 * 2**20
_PAGE_BYTES = 4096 if sys.platform == "win32" else os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Reading:
    """Held memory at one moment, in bytes."""

    total_bytes: int
    shared_bytes: int
    child_bytes: int
    # of the process itself, as far as known; they bound what can have been held between two readings
    own_bytes: int | None = (
        None  # held in full, pages that children see as well included: what the kernel's mark counts
    )
    file_bytes: int | None = None  # file-backed pages: not held, but part of that mark
    faults: tuple[int, int] | None = None  # page faults until just before the others were read, and just after


class Meter(Protocol):
    """Reads the held memory of a process and of all that descend from it. `name` goes with every result."""

    name: str
    finest_bytes: int  # a ceiling below this is within its error (`autograde doctor` shows that)
    work_part: float  # of the time that a poll may spend on reading it, in the process that is measured
    may_rest: bool  # it runs in the process that it reads, whose high-water mark has what it holds between two readings

    def read(self) -> Reading:
        """Held memory now. Raises `MeterError` when it cannot be told."""

    def family(self) -> Sequence[int]:
        """The processes that the last reading was of."""

    def reset_high_water(self) -> None:
        """Forget what the kernel has seen as the peak until now."""

    def high_water_bytes(self) -> int | None:
        """The kernel's peak of resident memory, file-backed pages included; None where it does not tell."""


@dataclass(frozen=True, slots=True)
class _Range:
    """The lowest and the highest of some figures."""

    low: int
    high: int

    @property
    def steady(self) -> bool:
        return self.high - self.low <= _STEADY_BYTES


def _wider(before: _Range | None, value: int) -> _Range:
    return _Range(value, value) if before is None else _Range(min(before.low, value), max(before.high, value))


@dataclass(frozen=True, slots=True)
class Peak:
    """The highest reading of a poll and the way there."""

    reading: Reading | None  # None: not one reading succeeded
    samples: tuple[tuple[float, int], ...]
    stopped: bool


def hurry() -> None:
    """Ask that this thread runs as soon as it can (root may, on Linux): who watches and waits sees less."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _PRIORITY)


#: Polls between their start and their stop, and who may reset the kernel's mark.
_RUNNING: set[Poller] = set()
_MARKING = threading.Lock()


def _begin_in_child() -> None:
    """A process that was forked has none of the threads that poll."""
    global _MARKING
    _RUNNING.clear()
    _MARKING = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)


class Poller:
    """Polls a meter on a thread of its own from `start` to `stop`.

    `on_peak` is called with each new peak in bytes (1 MiB above the last); `on_limit` at the first reading above
    `limit_bytes`, and again every half second while that lasts, or when 64 MiB more are held; at the next reading if it
    returns False.
    """

    def __init__(
        self,
        meter: Meter,
        *,
        limit_bytes: int | None = None,
        on_peak: Callable[[int], None] | None = None,
        on_limit: Callable[[], bool | None] | None = None,
        seconds: float = POLL_SECONDS,
    ) -> None:
        self._meter = meter
        self.meter_name = meter.name
        self._limit_bytes = limit_bytes
        self._on_peak = on_peak
        self._on_limit = on_limit
        self._seconds = seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="autograde-poller", daemon=True)
        self._highest: Reading | None = None
        self._noted_bytes = -_STEP_BYTES  # the last new peak ...
        self._noted = 0.0  # ... and its time
        self._samples: list[tuple[float, int]] = []
        self._keep_every = 1
        self._count = 0
        self._turns = 0  # readings by the thread
        self._stopped = False
        self._stop_again_seconds, self._stop_again_bytes = 0.0, 0
        self._file_bytes: _Range | None = None
        self._child_bytes: _Range | None = None
        self._shared_bytes: int | None = None  # with children, at the start: their shares and the mark both count them
        self._last: Reading | None = None
        self._looking = threading.Lock()  # a poll that starts later has this one look at the kernel's mark once more
        self._most_bytes: int | None = 0  # that can have been held between two polls; None: not known

    def start(self) -> None:
        with _MARKING:
            for other in _RUNNING:  # the mark is one for all that measure this process
                with other._looking:
                    other._read()
                    other._heed_high_water()
            self._meter.reset_high_water()
            self._began = time.perf_counter()
            _RUNNING.add(self)
        self._take()
        self._thread.start()

    def stop(self) -> Peak:
        """End the poll with one last reading, and tell the peak."""
        self._done.set()
        self._thread.join()
        with _MARKING:
            _RUNNING.discard(self)
        self._take()
        with self._looking:
            self._heed_high_water()
        return Peak(self._highest, tuple(self._samples), self._stopped)

    def _heed_high_water(self) -> None:
        """Raise the peak to the kernel's mark, if the poll was late and the mark can be believed.

        The mark is of the process itself. Children are added as they were seen, if they were idle.
        """
        mark = self._meter.high_water_bytes()
        files, children, shared = self._file_bytes, self._child_bytes, self._shared_bytes
        if mark is None or self._highest is None or files is None or children is None or shared is None:
            return
        held = mark - files.high - shared + children.low
        if self._most_bytes is not None:
            held = min(held, self._most_bytes)
        if files.steady and children.steady and held > self._highest.total_bytes:
            self._highest = replace(self._highest, total_bytes=held)
            latest = max(self._samples, key=lambda sample: sample[1])
            self._samples[self._samples.index(latest)] = (latest[0], held)

    def _bound(self, reading: Reading) -> None:
        """Between two polls, memory can have grown by a page for each fault."""
        last, self._last = self._last, reading
        if last is None or self._most_bytes is None:
            return
        if last.faults is None or reading.faults is None:
            self._most_bytes = None
        else:
            grown = (reading.faults[1] - last.faults[0]) * _PAGE_BYTES
            self._most_bytes = max(self._most_bytes, last.total_bytes + grown)

    def _run(self) -> None:
        sys.setprofile(None)  # memray looks at every call of every thread; ours explain nothing
        hurry()
        while not self._done.wait(self._pause_seconds()):
            self._take()
            self._turns += 1

    def _pause_seconds(self) -> float:
        """Until the next reading: longer on a plateau, and where reading takes long.

        The kernel's mark has what comes and goes on a plateau; not of children.
        """
        pause = self._seconds
        if self._meter.work_part < 1 and self._turns:
            each = time.thread_time() / self._turns  # of the polling thread
            pause = max(pause, min(each * (1 / self._meter.work_part - 1), _LONGEST_PAUSE_SECONDS))
        if not self._meter.may_rest or self._last is None or self._last.child_bytes:
            return pause
        since = time.perf_counter() - self._began - self._noted
        return min(max(pause, _CALM_PART * since), _CALM * pause)

    def _take(self) -> None:
        with self._looking:
            seen = self._read()
        if seen is None:
            return
        now, reading, new_peak = seen
        if new_peak and self._on_peak is not None:
            try:
                self._on_peak(reading.total_bytes)
            except Exception:  # noqa: BLE001 - of ours: who cannot tell a line shall go on measuring, and say so once
                self._on_peak = None
                sys.excepthook(*sys.exc_info())
        if self._limit_bytes is None or reading.total_bytes <= self._limit_bytes:
            return
        if now >= self._stop_again_seconds or reading.total_bytes >= self._stop_again_bytes:
            self._stopped = True
            if self._on_limit is not None and not self._done.is_set() and self._on_limit() is False:
                return
            self._stop_again_seconds = now + _STOP_AGAIN_SECONDS
            self._stop_again_bytes = reading.total_bytes + _STOP_AGAIN_BYTES

    def _read(self) -> tuple[float, Reading, bool] | None:
        """When it was, what is held, and whether that is a new peak; None where it cannot be read."""
        try:
            reading = self._meter.read()
        except MeterError:
            return (
                None  # it has ended, or has no file left to be read by, which may pass; what was seen until now stands
            )
        now = time.perf_counter() - self._began
        self._bound(reading)
        self._child_bytes = _wider(self._child_bytes, reading.child_bytes)
        if reading.file_bytes is not None:
            self._file_bytes = _wider(self._file_bytes, reading.file_bytes)
        if self._shared_bytes is None and reading.own_bytes is not None:
            self._shared_bytes = reading.own_bytes - (reading.total_bytes - reading.child_bytes)
        new_peak = False
        if self._highest is None or reading.total_bytes > self._highest.total_bytes:
            self._highest = reading
            new_peak = reading.total_bytes >= self._noted_bytes + _STEP_BYTES
            if new_peak:
                self._noted_bytes, self._noted = reading.total_bytes, now
        self._sample(now, reading.total_bytes)
        return now, reading, new_peak

    def _sample(self, now: float, total_bytes: int) -> None:
        """Keep a bounded number of samples, the maximum of each stretch."""
        if self._count % self._keep_every == 0 or not self._samples:
            self._samples.append((now, total_bytes))
        elif total_bytes > self._samples[-1][1]:
            self._samples[-1] = (now, total_bytes)
        self._count += 1
        if len(self._samples) >= _MAX_SAMPLES:
            pairs = zip(self._samples[::2], self._samples[1::2], strict=False)
            self._samples = [max(pair, key=lambda sample: sample[1]) for pair in pairs]
            self._keep_every *= 2
