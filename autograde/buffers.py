"""What the kernel holds for a sandbox in sockets and pipes: memory of no process, which can keep data all the same."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from .procfs import proc_text

__all__ = ["Buffers"]

#: A pipe's, which may not be made larger in the sandbox (seccomp.py).
_PIPE_BYTES = 64 * 2**10
#: Sockets and pipes that any program has, and descriptors below which nobody looks what they are: 4 MiB at most.
_FREE_SOCKETS, _FREE_PIPES, _FEW_DESCRIPTORS = 8, 16, 32
_LISTENS = "0A"
_EVERY_SECONDS = 0.005
#: More connections than a cluster of a few workers has count as full, too: nobody fills and empties them between two looks.
_FREE_CONNECTIONS = 48


class Buffers:
    """The buffers of the network namespace that process `inside` is in."""

    def __init__(self, inside: int) -> None:
        self._inside = inside
        self._tcp_bytes = 0
        self._thread: threading.Thread | None = None

    def held_bytes(self, family: Iterable[int]) -> int:
        """Bytes that may wait in sockets, and in pipes of the processes `family`: an upper bound.

        What is in connections is read. Other sockets and pipes count as full, but for the few that any program has.
        """
        counts = _counts(self._inside)
        tcp = counts.get("TCP", 0) + counts.get("TCP6", 0)
        others = max(counts.get("sockets", 0) - tcp - _FREE_SOCKETS, 0)
        if tcp and self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="autograde-connections", daemon=True)
            self._thread.start()
        connections = max(self._tcp_bytes, (tcp - _FREE_CONNECTIONS) * _socket_bytes()) if tcp else 0
        return connections + others * _socket_bytes() + _pipes(family) * _PIPE_BYTES

    def _watch(self) -> None:
        """The kernel looks through a large table for the connections (10 to 40 ms), so nobody waits for that."""
        while (found := _queues_bytes(self._inside)) is not None:
            self._tcp_bytes = found
            time.sleep(_EVERY_SECONDS)


def _counts(inside: int) -> dict[str, int]:
    """Sockets in use, all of them and those of TCP, from rows such as `TCP: inuse 3 orphan 0`."""
    found = {}
    for file in ("sockstat", "sockstat6"):
        for row in _text(f"/proc/{inside}/net/{file}").splitlines():
            kind, word, number, *_ = row.replace(":", " ").split()
            if word in ("used", "inuse"):
                found[kind] = int(number)
    return found


def _queues_bytes(inside: int) -> int | None:
    """Bytes on their way in connections: sent and not acknowledged, or received and not read. None: it has ended."""
    if not Path(f"/proc/{inside}/net/tcp").exists():
        return None
    size_bytes = 0
    for file in ("tcp", "tcp6") if _counts(inside).get("TCP6") else ("tcp",):
        for row in _text(f"/proc/{inside}/net/{file}", slow=True).splitlines()[1:]:
            _, _, _, state, queues, *_ = row.split()
            if state != _LISTENS:
                size_bytes += sum(int(part, 16) for part in queues.split(":"))
    return size_bytes


def _socket_bytes() -> int:
    """How much one end of a pair may send before somebody reads, unless it asks for more, which the sandbox ignores."""
    return int(_text("/proc/sys/net/core/wmem_default") or 212_992)


def _pipes(family: Iterable[int]) -> int:
    """Pipes beyond the few that any program has; nobody looks while there are few descriptors."""
    folders = [f"/proc/{pid}/fd" for pid in family]
    try:
        if sum(os.stat(folder).st_size for folder in folders) <= _FEW_DESCRIPTORS:  # noqa: PTH116 - since Linux 6.2 their number
            return 0
    except OSError:
        pass  # one has ended
    found: set[str] = set()
    for folder in folders:
        try:
            found.update(os.readlink(f"{folder}/{name}") for name in os.listdir(folder))  # noqa: PTH115
        except OSError:
            continue
    return max(sum(name.startswith("pipe:") for name in found) - _FREE_PIPES, 0)


def _text(path: str, *, slow: bool = False) -> str:
    try:
        return proc_text(path, slow=slow).decode()
    except OSError:
        return ""  # it has ended, or there is no such thing here
