"""What this process may use of the machine: memory and cores, as the system has them and as the limits of its cgroup allow.

In a container (Docker, JupyterHub, Codespaces, a job on a cluster) psutil tells what the host has. A limit made from that
never strikes: the kernel ends the process first, and nothing explains why.
Every function takes the folder that is the root of the system's files, so that a test can lay out a machine of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import psutil

__all__ = ["available_bytes", "cores", "total_bytes"]

_ROOT = Path("/")
_CGROUPS = "sys/fs/cgroup"
#: Pages of files, which the kernel drops before it refuses memory. Both lists count: what is read twice is on the active
#: one, and as droppable as the other (MemAvailable in proc(5), which psutil tells, counts both, too).
_DROPPABLE = ("inactive_file", "active_file")


def total_bytes(root: Path = _ROOT) -> int:
    """Memory that this process may ever use: all of the machine, or the smallest limit of the cgroups that it is in."""
    return min([int(psutil.virtual_memory().total), *(limit for limit, _ in _memory(root))])


def available_bytes(root: Path = _ROOT) -> int:
    """Memory that this process may still take, an estimate: free on the machine, and free below each limit; 0 at least."""
    return max(min([int(psutil.virtual_memory().available), *(limit - held for limit, held in _memory(root))]), 0)


def cores(root: Path = _ROOT) -> int:
    """Cores that this process may use: those it may run on, and no more than its cgroups give time of, rounded up."""
    # os.process_cpu_count says so as well, from Python 3.13 on; os.cpu_count counts those of others, too
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(min([mine or 1, *_quotas(root)]), 1)


def _memory(root: Path) -> Iterator[tuple[int, int]]:
    """The limit of each cgroup that this process is in and has one, and what is held there and cannot be dropped."""
    for folder in _groups(root, "memory"):
        for limit_name, held_name, prefix in (
            ("memory.max", "memory.current", ""),  # version 2
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),  # version 1; no limit is a number near 2**63
        ):
            limit = _text(folder / limit_name)
            if limit and limit != "max":
                rows = dict(line.split(" ", 1) for line in _text(folder / "memory.stat").splitlines())
                droppable = sum(int(rows.get(prefix + name, 0)) for name in _DROPPABLE)
                yield int(limit), max(int(_text(folder / held_name) or 0) - droppable, 0)


def _quotas(root: Path) -> Iterator[int]:
    """Cores' worth of time, rounded up, that each cgroup may take that this process is in and has a limit."""
    for folder in _groups(root, "cpu"):
        quota, _, period = _text(folder / "cpu.max").partition(" ")  # version 2: "max 100000", "150000 100000"
        if not quota:
            quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")  # version 1
        if quota.isdecimal() and period.isdecimal():  # neither "max" nor -1, which mean no limit
            yield -(-int(quota) // int(period))


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the cgroups that this process is in, from its own up to the root: the limits of all of them hold.

    Version 2 has one tree, version 1 one for each controller or pair of them (cgroups(7)). A container may see its own
    cgroup as the root of the tree and still be told the path that the host knows it by: folders that are not there are
    passed over by whoever reads, and the root is always among them.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        parts = PurePosixPath(path).parts[1:]
        if ".." in parts:  # a cgroup outside of what this process can see
            parts = ()
        for tree in {controllers, controller if controllers else ""}:  # `cpu` is often a link to `cpu,cpuacct`
            top = root / _CGROUPS / tree
            for depth in range(len(parts), -1, -1):
                yield top.joinpath(*parts[:depth])


def _text(path: Path) -> str:
    """What stands in a small file; "" where there is none, or none that this process may read: no limit is known then."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError:
        return ""
