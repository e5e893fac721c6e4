"""Small files of /proc, read as a meter needs it: in microseconds, and while other threads compute (Linux, proc(5))."""

from __future__ import annotations

import ctypes
import os
from functools import cache

from .errors import MeterError

__all__ = ["kib_fields", "proc_text", "stat_fields"]

#: Files that are not slow to make are smaller.
_MOST_TEXT_BYTES = 16384


@cache
def _holding_libc() -> ctypes.PyDLL:
    return ctypes.PyDLL(None, use_errno=True)


def proc_text(path: str, *, slow: bool = False) -> bytes:
    """What stands in a small file of /proc, read without letting go of the interpreter, unless it is `slow` to make.

    That takes microseconds. Python's own reading lets go of the interpreter at each step, and waits up to 5 ms to have it
    again while other threads compute: a poll among them would come late, and hold them up.
    """
    if slow:
        with open(path, "rb", buffering=0) as whole:
            return whole.read()
    libc = _holding_libc()
    file = _checked(libc.open(path.encode(), os.O_RDONLY | os.O_CLOEXEC), path)
    try:
        buffer = ctypes.create_string_buffer(_MOST_TEXT_BYTES)
        return ctypes.string_at(buffer, _checked(libc.read(file, buffer, _MOST_TEXT_BYTES), path))
    finally:
        libc.close(file)


def _checked(result: int, path: str) -> int:
    """What a call of the system said, unless it was that it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return result


def kib_fields(path: str, names: tuple[bytes, ...]) -> dict[bytes, int]:
    """Rows of a file of /proc such as `VmHWM: 123 kB`, in bytes. Raises `MeterError` when it cannot be read."""
    try:
        text = proc_text(path, slow=path.endswith("smaps_rollup"))
    except OSError as error:
        raise MeterError(f"{path} cannot be read: {error.strerror}") from error
    values: dict[bytes, int] = {}
    for name in names:
        at = text.find(b"\n%b:" % name)
        if at >= 0:
            at += len(name) + 2
            values[name] = int(text[at : text.index(b"kB", at)]) * 1024
    return values


def stat_fields(pid: int) -> list[bytes]:
    """Fields of /proc/pid/stat from the third on (proc(5)). Raises `MeterError` when the process has ended."""
    try:
        return proc_text(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except OSError as error:
        raise MeterError(f"process {pid} has ended") from error
