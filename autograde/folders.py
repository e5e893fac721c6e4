"""Walks through folders that a submission has filled, and takes them away, however deep. Links are never followed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["DEEPEST", "TooDeep", "entries", "remove_tree", "scratch_folder", "spread"]

#: Folders within folders that anybody needs. Python's own walks end at a thousand, the system's paths at 4096 letters.
DEEPEST = 60
#: A scratch folder that was made just now may not be locked yet.
_YOUNG_SECONDS = 60.0


class TooDeep(Exception):
    """A folder lies deeper than anybody needs: `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(f"folders within folders, more than {DEEPEST} of them: {path[:200]}")
        self.path = path


def entries(folder: Path, *, skip_deep: bool = False) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Everything below `folder` with its path, a folder before what is in it. What vanishes meanwhile is left out.

    Raises `TooDeep`, or leaves out what lies so deep where `skip_deep`; `PermissionError` for a folder that cannot be read.
    """
    todo = [(str(folder), 0)]
    while todo:
        path, depth = todo.pop()
        try:
            if depth > DEEPEST:
                raise TooDeep(path)
            with _opened(path) as at, os.scandir(at) as found:
                for entry in found:
                    place = f"{path}/{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        todo.append((place, depth + 1))
                    yield place, entry
        except (FileNotFoundError, NotADirectoryError):
            continue
        except TooDeep:
            if not skip_deep:
                raise
        except OSError as error:
            if error.errno == errno.ELOOP:
                continue  # it has become a link meanwhile
            if isinstance(error, PermissionError):
                raise
            if not skip_deep:
                raise TooDeep(path) from error  # its path is too long


@contextmanager
def _opened(path: str) -> Iterator[int | str]:
    """A folder opened as what it is, never through a link."""
    if os.scandir not in os.supports_fd:  # Windows
        yield path
        return
    at = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield at
    finally:
        os.close(at)


def remove_tree(path: Path) -> None:
    """Remove a folder and all that is in it, as far as this user may."""
    if os.name != "posix":
        shutil.rmtree(path, ignore_errors=True)
        return
    for command in (["rm", "-rf"], ["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        if os.path.lexists(path):
            subprocess.run([*command, "--", str(path)], stdin=subprocess.DEVNULL, capture_output=True, check=False)


_GET_FLAGS, _SET_FLAGS, _TOPDIR = 0x80086601, 0x40086602, 0x00020000


def spread(folder: Path) -> None:
    """Have each folder that is made in `folder` lie at a place of its own on the disk, which its name decides (ext4).

    A thousand chunks that were just removed make the next thousand slow: for some minutes ext4 does not use their inodes
    again, and goes through them one by one to find another (`python tests/benchmarks/class.py --files`). That ends at the
    borders of a group of inodes, and folders in one with the flag T (chattr(1)) are put into different groups.
    """
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError), _opened(str(folder)) as opened:  # other file systems have no such flag
            fcntl.ioctl(int(opened), _SET_FLAGS, struct.pack("l", _flags(opened) | _TOPDIR))


def _flags(opened: Any) -> int:
    """The flags of an open folder, as chattr(1) sets them (Linux)."""
    import fcntl

    found: int = struct.unpack("i", fcntl.ioctl(opened, _GET_FLAGS, bytes(8))[:4])[0]
    return found


@contextmanager
def scratch_folder(prefix: str, *, within: Path | None = None) -> Iterator[Path]:
    """A new folder among the temporary files, or `within` another; gone at the end of the block whatever was put into it.

    Folders of this `prefix` whose processes were killed are taken away first: each is locked as long as its process lives.
    """
    for left in (within or Path(tempfile.gettempdir())).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):  # somebody else's, or already gone
            if time.time() - left.lstat().st_mtime > _YOUNG_SECONDS:
                with _locked(left) as abandoned:
                    if abandoned:
                        remove_tree(left)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=within)).resolve()
    with _locked(folder):
        try:
            yield folder
        finally:
            remove_tree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder of our own; False if another process does, or if there is no such thing (Windows)."""
    if os.name != "posix":
        yield False
        return
    import fcntl

    with _opened(str(folder)) as opened:
        held = os.fstat(int(opened)).st_uid == os.getuid()
        try:
            fcntl.flock(int(opened), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held = False
        yield held
