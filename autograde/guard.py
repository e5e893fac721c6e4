"""Watches a student process while it works, and kills it at a limit."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from .errors import MeterError
from .folders import TooDeep, entries
from .limits import Limits
from .machine import available_bytes
from .meters import descendants
from .procfs import kib_fields, stat_fields
from .sandbox import StudentProcess
from .types import format_bytes

__all__ = ["Guard", "Hit"]

_MEMORY_EVERY_SECONDS = 0.01
_TABLES_EVERY = 5  # looks at memory
_REST_EVERY_SECONDS = 0.2
#: What fills the disk is looked for when this much of it, or so many files, are gone: by whomever.
_WORTH_A_LOOK_BYTES = 64 * 2**20
_WORTH_A_LOOK_FILES = 1000
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Hit:
    """A limit that was hit: which field of `Limits`, and what happened, as the end of a sentence."""

    limit: str
    words: str


class Guard:
    """Watches from `start` to `stop`, while it is told to (`watch`); `hit` says what it has killed for, if anything."""

    def __init__(self, student: StudentProcess, limits: Limits, folders: Sequence[Path]) -> None:
        self._student = student
        self._limits = limits
        self._folders = folders
        self._memory_bytes = min(limits.memory_bytes, int(0.7 * available_bytes()))
        self._meter = student.meter()
        self._cpu_from_seconds = 0.0
        self._began = time.time()
        self._disk = _disk(folders[0])
        self._disk_bytes = min(limits.disk_bytes, int(0.7 * self._disk[0]))  # others have work to do there, too
        self._watching = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="autograde-guard", daemon=True)
        self.hit: Hit | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended = True
        self._watching.set()
        self._thread.join()

    def watch(self, on: bool) -> None:
        """Look, or rest while the student's processes stand still."""
        if on:
            self._watching.set()
        else:
            self._watching.clear()

    def next_cell(self) -> None:
        """A cell or a test begins: its processor time counts from here."""
        self._cpu_from_seconds = _cpu_seconds(self._student)
        self._began = time.time()

    def look(self) -> None:
        """Kill the student's processes if they are over a limit now."""
        self.hit = self.hit or self._memory() or self._rest()
        if self.hit is not None:
            self._student.kill()

    def tidy(self) -> None:
        """Once the processes have ended for filling the disk: remove what has been written since the cell or test began."""
        if self.hit is None or self.hit.limit not in ("disk_bytes", "files"):
            return
        for folder in self._folders:
            made = []
            with contextlib.suppress(PermissionError):
                for path, entry in entries(folder, skip_deep=True):
                    with contextlib.suppress(OSError):
                        if entry.stat(follow_symlinks=False).st_ctime < self._began:
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            made.append(path)
                        else:
                            os.unlink(path)  # noqa: PTH108 - there may be a million of them
            for path in reversed(made):
                with contextlib.suppress(OSError):  # it still has something older in it
                    os.rmdir(path)  # noqa: PTH106

    def _run(self) -> None:
        rest_at = 0.0
        for look in itertools.count():
            self._watching.wait()
            if self._ended or self.hit is not None:
                return
            found = self._memory(tables=look % _TABLES_EVERY == 0)
            if found is None and time.monotonic() >= rest_at:
                found = self._rest()
                rest_at = time.monotonic() + _REST_EVERY_SECONDS
            if found is not None:
                self.hit = found
                self._student.kill()
            time.sleep(_MEMORY_EVERY_SECONDS)

    def _memory(self, *, tables: bool = True) -> Hit | None:
        try:
            held = self._meter.read().total_bytes
        except MeterError:
            return None  # it has ended
        if held <= self._memory_bytes and not (tables and self._tables_bytes() > self._memory_bytes // 2):
            return None
        return Hit("memory_bytes", f"held more than {format_bytes(self._memory_bytes)} of memory")

    def _tables_bytes(self) -> int:
        """What the kernel needs to remember where the pages are, which no meter counts: it is small for what is in use."""
        size_bytes = 0
        for pid in self._meter.family():
            with contextlib.suppress(MeterError):
                size_bytes += kib_fields(f"/proc/{pid}/status", (b"VmPTE",)).get(b"VmPTE", 0)
        return size_bytes

    def _rest(self) -> Hit | None:
        limits = self._limits
        if _size(self._student.log) > limits.output_bytes:
            return Hit("output_bytes", f"printed more than {format_bytes(limits.output_bytes)}")
        spent = _cpu_seconds(self._student) - self._cpu_from_seconds
        if spent > limits.cpu_seconds:
            return Hit("cpu_seconds", f"took more than {limits.cpu_seconds:.0f} s of processor time")
        for folder in self._student.tmpfs:
            seen = os.fstatvfs(folder)
            if seen.f_files - seen.f_ffree > limits.files:
                return Hit("files", f"wrote more than {limits.files} files")
        return self._written()

    def _written(self) -> Hit | None:
        """What lies in the folders is counted only when the disk has become fuller."""
        before, now = self._disk, _disk(self._folders[0])
        if before[0] - now[0] < _WORTH_A_LOOK_BYTES and before[1] - now[1] < _WORTH_A_LOOK_FILES:
            return None
        size_bytes = files = 0
        try:
            for folder in self._folders:
                for _, entry in entries(folder):
                    files += 1
                    with contextlib.suppress(FileNotFoundError):
                        size_bytes += entry.stat(follow_symlinks=False).st_blocks * 512
                    if files > self._limits.files:
                        return Hit("files", f"wrote more than {self._limits.files} files")
        except TooDeep:
            return Hit("files", "made folders within folders without end")
        except PermissionError:
            return Hit("disk_bytes", "filled folders into which nobody can look")
        size_bytes += self._nameless_bytes()
        if size_bytes > self._disk_bytes:
            return Hit("disk_bytes", f"wrote more than {format_bytes(self._disk_bytes)} to disk")
        return None

    def _nameless_bytes(self) -> int:
        """What files hold that are open and have been removed already."""
        disk = self._folders[0].stat().st_dev
        found: dict[int, int] = {}
        for pid in self._student.family():
            try:
                for descriptor in os.listdir(f"/proc/{pid}/fd"):
                    seen = os.stat(f"/proc/{pid}/fd/{descriptor}")  # noqa: PTH116 - of what it points to
                    if seen.st_dev == disk and seen.st_nlink == 0:
                        found[seen.st_ino] = seen.st_blocks * 512
            except OSError:
                continue
        return sum(found.values())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _disk(folder: Path) -> tuple[int, int]:
    """Free bytes and free inodes of the disk that `folder` is on."""
    if not hasattr(os, "statvfs"):
        return psutil.disk_usage(str(folder)).free, 0
    seen = os.statvfs(folder)
    return seen.f_bavail * seen.f_frsize, seen.f_ffree


def _cpu_seconds(student: StudentProcess) -> float:
    """Processor time of all that the student has started, what has ended included (Linux; elsewhere of its process)."""
    ticks = 0
    for pid in {student.root, student.pid, *descendants(student.root)}:
        try:
            # proc(5): utime, stime, and both of children that were waited for
            ticks += sum(map(int, stat_fields(pid)[11:15]))
        except (MeterError, ValueError):
            continue
    return ticks / _TICKS
