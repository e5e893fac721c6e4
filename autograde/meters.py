"""Held memory of a process tree: memory that the system cannot drop.

Held is anonymous, shared and swapped memory. Page cache and file-backed maps are not, so streaming a file or scanning a
memory map costs nothing; reserved but untouched pages do not count either. One process: RssAnon + RssShmem + VmSwap of its
status file. Several: proportional sizes, because after a fork both sides show the same pages.

A poll every few milliseconds (on a plateau, tens) sees any peak that takes longer than that to touch. A thread of the
same process polls only when the interpreter lets it, so the kernel's own high-water mark is asked too: VmHWM minus the
file-backed part is held memory, as long as the file-backed part and the children stood still. A file that was mapped and
unmapped between two polls is told from memory by the page faults: memory takes one for each page (huge pages are off), a
map of a cached file one for sixteen. Children, and files in the private memory of a sandbox, have no such second look:
what is there for less than the time between two polls (on a starved machine, tens of milliseconds) may be missed. Until
a new process has exchanged its program it may work in the memory of its parent (vfork): that counts once.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import psutil

from .buffers import Buffers
from .errors import MeterError
from .procfs import kib_fields, proc_text, stat_fields

if sys.platform != "win32":
    import resource

__all__ = [
    "POLL_SECONDS",
    "Meter",
    "Peak",
    "Poller",
    "PsutilMeter",
    "Reading",
    "TreeMeter",
    "default_meter",
    "descendants",
    "hurry",
]

POLL_SECONDS = 0.003
#: On a plateau a poll waits for this part of the time that has passed since the last new peak, up to this many times its
#: pause: to wake up costs Python's other threads more than the reading itself.
_CALM_PART = 0.1
_CALM = 8
#: A new peak is worth a look at the stack when it is this much above the last one.
_STEP_BYTES = 2**20
#: How many (time, bytes) pairs are kept for the chart.
_MAX_SAMPLES = 240
_STOP_AGAIN_SECONDS = 0.5
_PRIORITY = (
    -10
)  # of the polling thread, where the system grants it (on Linux a thread has one of its own: setpriority(2))
#: A family is listed anew at least every so many readings.
_LIST_EVERY = 10
#: Sockets and pipes are looked at every so many readings.
_BUFFERS_EVERY = 4
#: File-backed pages that move by less than this have not been mapped by the block (only a library's own pages), and
#: children whose memory moves by less are idle.
_STEADY_BYTES = 4 * 2**20
#: Places of minflt, majflt and startstack among the fields of /proc/pid/stat that `stat_fields` gives.
_MINOR_FAULTS, _MAJOR_FAULTS, _STACK = 7, 9, 25
#: kcmp(2): its number by machine, and what it compares.
_KCMP = {"x86_64": 312, "aarch64": 272}
_KCMP_VM = 1
#: How long a process counts as new.
_NEW_SECONDS = 1.0
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
    may_rest: bool  # it runs in the process that it reads, whose high-water mark has what it holds between two readings

    def read(self) -> Reading:
        """Held memory now. Raises `MeterError` when it cannot be told."""

    def family(self) -> Sequence[int]:
        """The processes that the last reading was of."""

    def reset_high_water(self) -> None:
        """Forget what the kernel has seen as the peak until now."""

    def high_water_bytes(self) -> int | None:
        """The kernel's peak of resident memory, file-backed pages included; None where it does not tell."""


class TreeMeter:
    """Held memory of a process tree by /proc: exact to a page for one process, proportional for several (Linux).

    In a sandbox everything that descends from `root` belongs to the tree of `pid`, and files in its private file systems in
    memory are held too: `tmpfs` are open descriptors of folders in them.
    """

    name = "tree"
    finest_bytes = 4 * 2**20

    def __init__(
        self,
        pid: int,
        *,
        exclude: frozenset[int] = frozenset(),
        root: int | None = None,
        tmpfs: tuple[int, ...] = (),
    ) -> None:
        self.may_rest = pid == os.getpid() and not tmpfs
        self._pid = pid
        self._root = pid if root is None else root
        self._exclude = exclude  # children that are ours, not the student's
        self._tmpfs = tmpfs
        self._buffers = Buffers(self._root)
        self._buffers_bytes = 0
        self._until_buffers = 0  # readings
        self._family: dict[int, int] = {}  # everybody who descends from the root, and of whom
        self._apart: set[int] = set()  # those of them that have been seen with a memory of their own
        self._since: dict[int, float] = {}  # when the others were seen first
        self._since_listing = 0  # readings
        self._newest: bytes | None = None  # process or thread of the system when the family was listed

    def read(self) -> Reading:
        reading = self._processes()
        if not self._tmpfs:
            return reading
        # pages of such files that are mapped count as shared memory already
        more = max(sum(map(_used_bytes, self._tmpfs)) - reading.shared_bytes, 0)
        if self._until_buffers == 0:
            self._buffers_bytes = self._buffers.held_bytes(self.family())
        self._until_buffers = (self._until_buffers + 1) % _BUFFERS_EVERY
        more += self._buffers_bytes
        return replace(reading, total_bytes=reading.total_bytes + more, shared_bytes=reading.shared_bytes + more)

    def family(self) -> Sequence[int]:
        return (self._pid, *self._family)

    def _processes(self) -> Reading:
        family = self._descendants()
        if not family:
            return _status_reading(self._pid)
        before = _faults(self._pid)
        own, shared = _rollup_bytes(self._pid)
        children = 0
        for pid, parent in family.items():
            try:
                if pid not in self._apart:
                    now = time.monotonic()
                    if _same_memory(pid, parent, new=now - self._since.setdefault(pid, now) < _NEW_SECONDS):
                        continue
                    self._apart.add(pid)
                held, part = _rollup_bytes(pid)
            except MeterError:
                self._newest = None  # it has ended: list the family anew next time
                continue
            children += held
            shared += part
        # a fork or an exit while we read moves shares between the processes: pages must not be counted on both sides
        own = min(own, _rollup_bytes(self._pid)[0])
        status = _status_reading(self._pid)
        faults = None if before is None or status.faults is None else (before, status.faults[1])
        return Reading(own + children, shared, children, status.own_bytes, status.file_bytes, faults)

    def _descendants(self) -> dict[int, int]:
        """As `_family_of`, listed anew only when a process or thread has been started since the last time.

        Asking every thread for its children takes ten times as long as everything else. /proc/loadavg ends with the
        number that was given to the newest process or thread (proc(5)), those in nested namespaces included. Containers may
        fake that file, so the family is listed anew every so often in any case.
        """
        try:
            newest = proc_text("/proc/loadavg").rsplit(None, 1)[-1]
        except (OSError, IndexError):
            newest = None
        self._since_listing += 1
        if newest is None or newest != self._newest or self._since_listing >= _LIST_EVERY:
            self._newest = newest  # before listing: what is started meanwhile is listed next time
            self._since_listing = 0
            self._family = _family_of(self._root, exclude=self._exclude)
            self._family.pop(self._pid, None)
            self._apart &= self._family.keys()
            self._since = {pid: at for pid, at in self._since.items() if pid in self._family}
        return self._family

    def reset_high_water(self) -> None:
        # 5 resets VmHWM (proc(5)); where that is forbidden, the mark is old, and so too high to be believed
        with contextlib.suppress(OSError), open(f"/proc/{self._pid}/clear_refs", "w") as file:
            file.write("5")

    def high_water_bytes(self) -> int | None:
        try:
            return kib_fields(f"/proc/{self._pid}/status", (b"VmHWM",)).get(b"VmHWM")
        except MeterError:
            return None


class PsutilMeter:
    """Unique set size by psutil: advisory, where there is no /proc (macOS, Windows). The judge on Linux decides."""

    name = "psutil (advisory)"
    finest_bytes = 32 * 2**20
    may_rest = False

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    def read(self) -> Reading:
        try:
            own = int(self._process.memory_full_info().uss)
            children = 0
            for child in self._process.children(recursive=True):
                try:
                    children += int(child.memory_full_info().uss)
                except psutil.NoSuchProcess:
                    continue
        except psutil.Error as error:
            raise MeterError(f"memory of process {self._process.pid} cannot be read: {error}") from error
        return Reading(own + children, 0, children)

    def family(self) -> Sequence[int]:
        return (self._process.pid,)

    def reset_high_water(self) -> None:
        """There is no mark that could be reset."""

    def high_water_bytes(self) -> int | None:
        return None


def default_meter(pid: int | None = None) -> Meter:
    """The best meter that this system has for process `pid` (default: this one) and its descendants."""
    pid = os.getpid() if pid is None else pid
    return TreeMeter(pid) if sys.platform == "linux" else PsutilMeter(pid)


def descendants(pid: int, *, exclude: frozenset[int] = frozenset()) -> list[int]:
    """Process ids of all living descendants of `pid`, without those in `exclude` and what they started (Linux)."""
    return list(_family_of(pid, exclude=exclude))


def _family_of(pid: int, *, exclude: frozenset[int]) -> dict[int, int]:
    """As `descendants`, each with its parent."""
    found: dict[int, int] = {}
    todo = [pid]
    while todo:
        parent = todo.pop()
        try:
            tasks = os.listdir(f"/proc/{parent}/task")
        except OSError:
            continue
        for task in tasks:
            try:
                text = proc_text(f"/proc/{parent}/task/{task}/children")
            except OSError:
                continue
            for child in map(int, text.split()):
                if child not in exclude:
                    found[child] = parent
                    todo.append(child)
    return found


def _same_memory(child: int, parent: int, *, new: bool) -> bool:
    """Whether two processes work in one memory, as `subprocess` has it until the program is exchanged (vfork(2)).

    The kernel tells (kcmp(2)). Where it does not, as in many containers, a new process is taken for such a one when its
    stack lies where its parent's does and it shares no page: after a fork it would share almost all.
    """
    number = _KCMP.get(platform.machine())
    if number is not None:
        order = _libc().syscall(number, child, parent, _KCMP_VM, 0, 0)
        if order >= 0:
            return bool(order == 0)
    if not new:
        return False
    if (stack := stat_fields(child)[_STACK]) != stat_fields(parent)[_STACK] or not int(stack):
        return False
    pages = _memory_fields(child, "smaps_rollup", (b"Anonymous", b"Pss_Anon"))
    return pages[b"Pss_Anon"] > 0.99 * pages[b"Anonymous"]


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _used_bytes(folder: int) -> int:
    """Bytes in use on the file system of an open folder."""
    try:
        seen = os.fstatvfs(folder)
    except OSError as error:
        raise MeterError(f"the private file systems of the sandbox cannot be read: {error.strerror}") from error
    files = seen.f_files - seen.f_ffree  # names and attributes are data, too: the kernel holds about 1 KiB for each
    return (seen.f_blocks - seen.f_bfree) * seen.f_frsize + 1024 * files


def _memory_fields(pid: int, file: str, names: tuple[bytes, ...]) -> dict[bytes, int]:
    """Figures of a process's memory; when its first thread has ended, /proc tells them below one that lives."""
    try:
        values = kib_fields(f"/proc/{pid}/{file}", names)
        if len(values) == len(names):
            return values
    except MeterError as error:
        if isinstance(error.__cause__, PermissionError | FileNotFoundError):
            raise
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(MeterError):
                values = kib_fields(f"/proc/{pid}/task/{task}/{file}", names)
                if len(values) == len(names):
                    return values
    raise MeterError(f"process {pid} has ended")


def _status_reading(pid: int) -> Reading:
    before = _faults(pid)
    values = _memory_fields(pid, "status", (b"RssAnon", b"RssShmem", b"VmSwap", b"RssFile"))
    file_bytes = values.pop(b"RssFile")
    after = _faults(pid)
    faults = None if before is None or after is None else (before, after)
    held = sum(values.values())
    return Reading(held, values[b"RssShmem"], 0, held, file_bytes, faults)


def _faults(pid: int) -> int | None:
    if pid == os.getpid():  # the same figures, in a tenth of the time
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_minflt + usage.ru_majflt
    try:
        fields = stat_fields(pid)
        return int(fields[_MINOR_FAULTS]) + int(fields[_MAJOR_FAULTS])
    except (MeterError, IndexError, ValueError):
        return None


def _rollup_bytes(pid: int) -> tuple[int, int]:
    try:
        values = _memory_fields(pid, "smaps_rollup", (b"Pss_Anon", b"Pss_Shmem", b"SwapPss"))
    except MeterError as error:
        if not isinstance(error.__cause__, PermissionError):
            raise
        # it does not let its user look (PR_SET_DUMPABLE): what others hold of the same pages counts twice, and is its loss
        reading = _status_reading(pid)
        return reading.total_bytes, reading.shared_bytes
    return sum(values.values()), values[b"Pss_Shmem"]


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


class Poller:
    """Polls a meter on a thread of its own from `start` to `stop`.

    `on_peak` is called with each new peak in bytes (1 MiB above the last); `on_limit` at the first reading above
    `limit_bytes`, and again every half second while that lasts (an interrupt may be lost in a callback, where Python
    ignores it).
    """

    def __init__(
        self,
        meter: Meter,
        *,
        limit_bytes: int | None = None,
        on_peak: Callable[[int], None] | None = None,
        on_limit: Callable[[], None] | None = None,
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
        self._stopped = False
        self._stop_again = 0.0
        self._file_bytes: _Range | None = None
        self._child_bytes: _Range | None = None
        self._shared_bytes: int | None = None  # with children, at the start: their shares and the mark both count them
        self._last: Reading | None = None
        self._most_bytes: int | None = 0  # that can have been held between two polls; None: not known

    def start(self) -> None:
        self._meter.reset_high_water()
        self._began = time.perf_counter()
        self._take()
        self._thread.start()

    def stop(self) -> Peak:
        """End the poll with one last reading, and tell the peak."""
        self._done.set()
        self._thread.join()
        self._take()
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

    def _pause_seconds(self) -> float:
        """Until the next reading: longer on a plateau. The kernel's mark has what comes and goes in it; not of children."""
        if not self._meter.may_rest or self._last is None or self._last.child_bytes:
            return self._seconds
        since = time.perf_counter() - self._began - self._noted
        return min(max(self._seconds, _CALM_PART * since), _CALM * self._seconds)

    def _take(self) -> None:
        try:
            reading = self._meter.read()
        except MeterError:
            return  # it has ended, or has no file left to be read by, which may pass; what was seen until now stands
        now = time.perf_counter() - self._began
        self._bound(reading)
        self._child_bytes = _wider(self._child_bytes, reading.child_bytes)
        if reading.file_bytes is not None:
            self._file_bytes = _wider(self._file_bytes, reading.file_bytes)
        if self._shared_bytes is None and reading.own_bytes is not None:
            self._shared_bytes = reading.own_bytes - (reading.total_bytes - reading.child_bytes)
        if self._highest is None or reading.total_bytes > self._highest.total_bytes:
            self._highest = reading
            if reading.total_bytes >= self._noted_bytes + _STEP_BYTES:
                self._noted_bytes = reading.total_bytes
                self._noted = now
                if self._on_peak is not None:
                    self._on_peak(reading.total_bytes)
        self._sample(now, reading.total_bytes)
        if self._limit_bytes is not None and reading.total_bytes > self._limit_bytes and now >= self._stop_again:
            self._stopped = True
            self._stop_again = now + _STOP_AGAIN_SECONDS
            if self._on_limit is not None and not self._done.is_set():
                self._on_limit()

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
