"""A lock between processes that the system itself releases when its owner dies.

The lock is the kernel's (flock, or msvcrt.locking on Windows), not the mere existence of a file: a maker that was
killed leaves no lock behind, and nobody has to guess from a process id whether the owner still lives.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_POLL_SECONDS = 0.1  # waiters poll, so that Ctrl-C reaches them on every system


def _try_lock(descriptor: int) -> bool:
    """Take the kernel's lock on an open file if it is free; True when it was."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _same_file(descriptor: int, path: Path) -> bool:
    """Whether `path` still names the open file: the last owner may have removed it while we waited."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold the lock file `path` for the block if nobody else does; yields whether it is held.

    The file is removed again at the end by its owner.
    Errors: OSError when the folder of `path` cannot be written.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    held = False
    try:
        held = _try_lock(descriptor) and _same_file(descriptor, path)
        yield held
    finally:
        if held:
            with contextlib.suppress(OSError):  # Windows refuses to remove an open file: it stays, empty and harmless
                path.unlink()
        os.close(descriptor)


@contextlib.contextmanager
def wait_for_lock(path: Path, *, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock file `path` for the block, waiting as long as another process holds it.

    `on_wait` is called once, when the first attempt finds the lock taken.
    """
    told = False
    while True:
        with try_lock(path) as held:
            if held:
                yield
                return
        if not told and on_wait is not None:
            on_wait()
        told = True
        time.sleep(_POLL_SECONDS)
