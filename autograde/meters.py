"""Held memory of a process tree: memory that the system cannot drop.

Held is anonymous, shared and swapped memory. Page cache and file-backed maps are not, so streaming a file or scanning a
memory map costs nothing; reserved but untouched pages do not count either. One process: RssAnon + RssShmem + VmSwap of its
status file. Several: proportional sizes, because after a fork both sides show the same pages.

Until a new process has exchanged its program it may work in the memory of its parent (vfork): that counts once. `poll`
reads a meter over time, `footprint` has the meters of systems without /proc.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from .buffers import Buffers
from .errors import MeterError
from .footprint import other_meter
from .poll import Meter, Reading
from .procfs import kib_fields, proc_text, stat_fields

if sys.platform != "win32":
    import resource

__all__ = ["TreeMeter", "default_meter", "descendants"]

#: A family is listed anew at least every so many readings.
_LIST_EVERY = 10
#: Sockets and pipes are looked at every so many readings.
_BUFFERS_EVERY = 4
#: Places of minflt, majflt and startstack among the fields of /proc/pid/stat that `stat_fields` gives.
_MINOR_FAULTS, _MAJOR_FAULTS, _STACK = 7, 9, 25
#: kcmp(2): its number by machine, and what it compares.
_KCMP = {"x86_64": 312, "aarch64": 272}
_KCMP_VM = 1
#: How long a process counts as new.
_NEW_SECONDS = 1.0


class TreeMeter:
    """Held memory of a process tree by /proc: exact to a page for one process, proportional for several (Linux).

    In a sandbox everything that descends from `root` belongs to the tree of `pid`, and files in its private file systems in
    memory are held too: `tmpfs` are open descriptors of folders in them.
    """

    name = "tree"
    finest_bytes = 4 * 2**20
    work_part = 1.0

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


def default_meter(pid: int | None = None) -> Meter:
    """The best meter that this system has for process `pid` (default: this one) and its descendants."""
    pid = os.getpid() if pid is None else pid
    return TreeMeter(pid) if sys.platform == "linux" else other_meter(pid)


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
