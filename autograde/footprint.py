"""Held memory where there is no /proc: by the footprint that macOS keeps of each process, or by unique set sizes (Windows).

memray could count on macOS, too, but takes what is only reserved, and files that are mapped, for held: it explains lines,
and decides nothing. Nobody has yet compared these meters with known amounts on the systems that they are for (the tests
put substitutes there), so both say "advisory"; `autograde doctor` shows what they see, and the judge on Linux decides.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from .errors import MeterError
from .poll import Meter, Reading

__all__ = ["FootprintMeter", "PsutilMeter", "other_meter"]

#: Children are listed anew every so many readings: psutil looks at every process of the system for that.
_LIST_EVERY = 10
#: Version 4 of struct rusage_info: 16 bytes, then numbers of 64 bits (xnu, bsd/sys/resource.h), and room for later ones.
_VERSION, _FIRST, _ROOM_BYTES = 4, 2, 512
_FOOTPRINT, _HIGHEST = _FIRST + 7, _FIRST + 33  # ri_phys_footprint, ri_interval_max_phys_footprint
_MOST_CHILDREN = 1024


class FootprintMeter:
    """Held memory of a process tree by the "physical footprint" of each process (macOS, which shows it as "Memory").

    It counts anonymous and shared pages, compressed and swapped ones too, and no clean pages of files (xnu,
    osfmk/kern/task.c). What processes share counts for each that has touched it, so it is an upper bound after a fork.
    The kernel keeps its maximum since a call that resets it, as it keeps VmHWM on Linux. `library` has the functions of
    libproc; they need no rights for processes of the same user.
    """

    name = "footprint (advisory)"
    finest_bytes = 16 * 2**20
    work_part = 1.0

    def __init__(self, pid: int, *, library: Any = None) -> None:
        self._pid = pid
        self._library = ctypes.PyDLL(None, use_errno=True) if library is None else library
        self._family: tuple[int, ...] = ()
        self._marked = False  # until the kernel has begun to keep the maximum
        self.may_rest = False

    def read(self) -> Reading:
        own = self._figures(self._pid)[_FOOTPRINT]
        children = 0
        family = []
        todo = self._children(self._pid)
        while todo:
            pid = todo.pop()
            try:
                children += self._figures(pid)[_FOOTPRINT]
            except MeterError:
                continue  # it has ended, or belongs to another user
            family.append(pid)
            todo += self._children(pid)
        self._family = tuple(family)
        return Reading(own + children, 0, children, own_bytes=own, file_bytes=0)

    def family(self) -> Sequence[int]:
        return (self._pid, *self._family)

    def reset_high_water(self) -> None:
        reset: Callable[[int], int] | None = getattr(self._library, "proc_reset_footprint_interval", None)
        self._marked = reset is not None and reset(self._pid) == 0
        self.may_rest = self._marked and self._pid == os.getpid()

    def high_water_bytes(self) -> int | None:
        try:
            return self._figures(self._pid)[_HIGHEST] if self._marked else None
        except MeterError:
            return None

    def _figures(self, pid: int) -> Any:
        figures = (ctypes.c_uint64 * (_ROOM_BYTES // 8))()
        if self._library.proc_pid_rusage(pid, _VERSION, ctypes.byref(figures)) != 0:
            raise MeterError(f"the footprint of process {pid} cannot be read: {os.strerror(ctypes.get_errno())}")
        return figures

    def _children(self, pid: int) -> list[int]:
        found = (ctypes.c_int * _MOST_CHILDREN)()
        count = self._library.proc_listchildpids(pid, ctypes.byref(found), ctypes.sizeof(found))
        return [one for one in found[: max(count, 0)] if one > 0]


class PsutilMeter:
    """Unique set size by psutil: what no other process has, and so neither shared memory nor mapped files (Windows)."""

    name = "psutil (advisory)"
    finest_bytes = 32 * 2**20
    may_rest = False
    work_part = 0.1  # a reading takes milliseconds

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._children: list[psutil.Process] = []
        self._until_listing = 0  # readings

    def read(self) -> Reading:
        try:
            own = int(self._process.memory_full_info().uss)
            if self._until_listing == 0:
                self._children = self._process.children(recursive=True)
            self._until_listing = (self._until_listing + 1) % _LIST_EVERY
            children = sum(map(_held_bytes, self._children))
        except psutil.Error as error:
            raise MeterError(f"memory of process {self._process.pid} cannot be read: {error}") from error
        return Reading(own + children, 0, children)

    def family(self) -> Sequence[int]:
        return (self._process.pid, *(child.pid for child in self._children))

    def reset_high_water(self) -> None:
        """There is no mark that could be reset."""

    def high_water_bytes(self) -> int | None:
        return None


def _held_bytes(child: psutil.Process) -> int:
    """Of a child: all that is resident where the system shows no more of it, and nothing once it has ended."""
    try:
        try:
            return int(child.memory_full_info().uss)
        except psutil.AccessDenied:
            return int(child.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def other_meter(pid: int) -> Meter:
    """The best meter of this system for process `pid`, if it is not Linux."""
    return FootprintMeter(pid) if sys.platform == "darwin" else PsutilMeter(pid)
