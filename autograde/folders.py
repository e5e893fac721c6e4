"""Walks through folders that a submission has filled, and takes them away, however deep. Links are never followed."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["DEEPEST", "TooDeep", "entries", "remove_tree", "scratch_folder"]

#: Folders within folders that anybody needs. Python's own walks end at a thousand, the system's paths at 4096 letters.
DEEPEST = 60


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


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """A new folder among the temporary files, gone at the end of the block whatever was put into it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    try:
        yield folder
    finally:
        remove_tree(folder)
