"""Small files of /proc, read as a meter needs it: in microseconds, and while other threads compute (Linux, proc(5))."""

from __future__ import annotations

import ctypes
import os
from functools import cache

from .errors import MeterError

__all__ = ["kib_fields", "proc_text", "stat_fields"]

#: Files that are read are smaller.
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
        with open(path, "rb", buffering=0) as file:
            return file.read(_MOST_TEXT_BYTES)
    libc = _holding_libc()
    file = libc.open(path.encode(), os.O_RDONLY | os.O_CLOEXEC)
    if file < 0:
        raise OSError(number := ctypes.get_errno(), os.strerror(number), path)
    try:
        buffer = ctypes.create_string_buffer(_MOST_TEXT_BYTES)
        length = libc.read(file, buffer, _MOST_TEXT_BYTES)
        if length < 0:
            raise OSError(number := ctypes.get_errno(), os.strerror(number), path)
        return ctypes.string_at(buffer, length)
    finally:
        libc.close(file)


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
