"""`reads`: which chunks of zarr arrays a block of code opened and wrote, and how often.

Counted are files, by the kernel's own log of a folder (inotify), so dask, zarr, tensorstore, child processes and the
student's process in the judge are all seen. That log misses what happens in a new folder before it is watched, so zarr's own
calls, in the process whose code is measured, may say that a chunk was opened or written more often, and never that it was
less. Where there is no inotify (macOS, Windows), those calls of this process are all there is.
"""

from __future__ import annotations

import ctypes
import errno
import json
import math
import operator
import os
import re
import stat
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType, TracebackType
from typing import Any, Self

from .block import current_bench
from .calls import Counts
from .errors import CourseError
from .poll import hurry
from .types import ChunkGrid, Touched, printable

__all__ = ["ReadsNotObserved", "reads"]

#: The file of a chunk below its array: c/0/1 or c.0.1 (zarr format 3), 0.1 or 0/1 (format 2).
_CHUNK = re.compile(r"(?:^|/)((?:c(?:[/.]\d+)*)|(?:\d+(?:[/.]\d+)*))$")
_MAX_ARRAYS = 4
_MAX_METADATA_BYTES = 2**20
_ONLY_A_FILE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
#: Of one array, for a picture: beyond, words must do.
_MAX_CHUNKS = 5_000


class ReadsNotObserved(AssertionError):
    """What a block read is not known, and a missing observation is never a pass."""


class reads:
    """Count the chunk files below `path` that a block opens for reading and writes, and draw the grid of chunks.

    `path` is the folder of a zarr array or group, or that array or group itself, or an existing folder in which arrays are
    made; it may be removed and made anew inside the block. After the block:
    `reads` and `writes` (how often a chunk's file was opened for reading, and written), and the same by chunk in
    `chunks_read` and `chunks_written`, {"c/0/3/1": 2}, relative to `path`. A shard counts as a chunk; each part that is
    read of it counts. A memory map counts once.

    Raises `CourseError` when there is no such folder, or what is given lies in none; `ReadsNotObserved` when a figure is
    asked for that is not known.

    Example:
        with reads("movie.zarr") as r:
            plane = movie[100]
        print(r.reads)
    """

    def __init__(self, path: str | os.PathLike[str] | Any) -> None:
        self._root = _folder_of(path).resolve()
        if not self._root.is_dir():
            raise CourseError(
                f"reads() watches a folder, and there is none at {path}: make the array or its folder first"
            )
        self._counted: Counts | None = None
        self._watch: _Inotify | None = None
        self._calls: Callable[[], Counts] | None = None

    def __enter__(self) -> Self:
        if self._calls is not None:
            raise CourseError("this reads() is already counting: make a new one for each block")
        self._counted = None
        if sys.platform == "linux":
            self._watch = _Inotify(self._root)
        else:
            import zarr  # noqa: F401 - its calls are all there is
        self._calls = current_bench().count(self._root)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._calls is not None
        calls, watch = self._calls(), self._watch
        self._calls = self._watch = None
        counted = calls if watch is None else _raised(watch.end(), calls)
        if counted is not None:
            self._counted = tuple(  # type: ignore[assignment]
                Counter({name: count for name, count in one.items() if _CHUNK.search(name)}) for one in counted
            )
        if self._counted is not None:
            current_bench().show_touched(touched_by(self._root, *self._counted))

    @property
    def chunks_read(self) -> Mapping[str, int]:
        """How often each chunk was opened for reading, by its path below the watched folder."""
        return MappingProxyType(self._known()[0])

    @property
    def chunks_written(self) -> Mapping[str, int]:
        """How often each chunk was written, by its path below the watched folder."""
        return MappingProxyType(self._known()[1])

    @property
    def reads(self) -> int:
        """How often chunks were opened for reading, all together."""
        return self._known()[0].total()

    @property
    def writes(self) -> int:
        """How often chunks were written, all together."""
        return self._known()[1].total()

    def _known(self) -> Counts:
        if self._counted is None:
            raise ReadsNotObserved(
                "the chunks that this block read are not known: ask after the end of the `with` block; if you did, the "
                "system's log of opened files ran over, or there is none here (`autograde doctor` shows what there is), or "
                f"{self._root} was replaced where we cannot look: keep the folder, and make its arrays anew"
            )
        return self._counted


def _folder_of(given: Any) -> Path:
    """The folder that is meant: a path, or that of a zarr array, group or store on this machine's disk.

    Raises `CourseError` for all else.
    """
    if isinstance(given, str | os.PathLike):
        path = os.fspath(given)
        if isinstance(path, str) and "://" not in path:  # `Path` would take s3://bucket for a folder called "s3:"
            return Path(path)
        what = repr(path)
    else:
        if "zarr" in sys.modules:  # else it is nothing of zarr's
            import zarr
            from zarr.storage import LocalStore

            of_zarr = isinstance(given, zarr.Array | zarr.Group)
            store, below = (given.store, given.path) if of_zarr else (given, "")
            if isinstance(store, LocalStore):
                return Path(store.root) / below
            given = store
        what = f"a value of type {type(given).__name__}"
    raise CourseError(
        f"reads() watches a folder on this machine's disk and cannot watch {what}: pass the path of a folder, or a zarr "
        "array or group that lies in one"
    )


def _raised(counted: Counts | None, calls: Counts) -> Counts | None:
    """Heed zarr's own calls where they were more, for files that were seen; they may be a student's invention."""
    if counted is not None:
        seen = counted[0].keys() | counted[1].keys()
        for mine, theirs in zip(counted, calls, strict=True):
            for name in seen & theirs.keys():
                mine[name] = max(mine[name], theirs[name])
    return counted


# --- Linux ----------------------------------------------------------------------------------------------------------

# from <sys/inotify.h>
_CLOSE_WRITE, _CLOSE_NOWRITE, _OPEN, _MOVED_TO = 0x08, 0x10, 0x20, 0x80
_CREATE, _OVERFLOW, _ONLY_DIR, _IS_DIR = 0x100, 0x4000, 0x01000000, 0x40000000
#: Two equal events in a row are merged by the kernel; opening between two closings keeps them apart.
_WANTED = _OPEN | _CLOSE_NOWRITE | _CLOSE_WRITE | _MOVED_TO | _CREATE | _ONLY_DIR
_ON_THE_WAY = _MOVED_TO | _CREATE | _ONLY_DIR
_EVENT = struct.Struct("iIII")
_BUFFER_BYTES = 2**20


class _Inotify:
    """The kernel's log of a tree of folders, drained by a thread so that it does not run over (16,384 events).

    A watch belongs to a folder, not to its name, and dies with it, as in `zarr.create_array(path, overwrite=True)`. So the
    folders on the way to the root are watched too, for a new one of the name.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = int(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        if self._fd < 0:
            raise ReadsNotObserved(f"opened files cannot be counted here: inotify: {os.strerror(ctypes.get_errno())}")
        self._folders: dict[int, str] = {}  # path below the root by watch
        self._way: dict[int, str] = {}  # of each folder above the root, the name in it that leads there
        self._read: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self._found: set[str] = set()  # lay in a new folder when we looked, and no event told of them yet
        self._missed = False
        self._watch_way()
        self._add(root)
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._drain_until_end, name="autograde-reads", daemon=True)
        self._thread.start()

    def end(self) -> Counts | None:
        """Files read and written, by path below the root; None where something was missed."""
        os.write(self._wake_write, b"x")
        self._thread.join()
        self._drain()
        self._missed = self._missed or self._lost_root()
        for descriptor in (self._fd, self._wake_read, self._wake_write):
            os.close(descriptor)
        return None if self._missed else (self._read, self._written)

    def _watch_way(self) -> None:
        """Watch the folders above the root, from the top, as far as we may."""
        for folder, name in zip(reversed(self._root.parents), self._root.parts[1:], strict=True):
            number = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), _ON_THE_WAY)
            if number >= 0:
                self._way[number] = name

    def _lost_root(self) -> bool:
        """Whether a folder lies at the root that is not watched: nobody told us that it was made anew."""
        number = self._libc.inotify_add_watch(self._fd, os.fsencode(self._root), _WANTED)
        return number >= 0 and number not in self._folders

    def _add_root(self) -> None:
        """Watch what lies at the root now; what lay there before, and may live on under another name, is left alone."""
        number = self._libc.inotify_add_watch(self._fd, os.fsencode(self._root), _WANTED)
        if number not in self._folders:
            self._folders.clear()
            self._add(self._root, is_new=True)

    def _add(self, folder: Path, *, is_new: bool = False) -> None:
        """Watch `folder` and all below.

        What lies in a new folder already was written before we watched it, or since then: the event of the latter is in the
        queue by now. So a file that has none when the queue is empty was written before.
        """
        number = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), _WANTED)
        if number < 0:
            # no watches left; a folder that is gone again is no loss, and the next of its name has an event of its own
            self._missed = self._missed or ctypes.get_errno() not in (errno.ENOENT, errno.ENOTDIR)
            return
        if number in self._folders:  # found by a scan before its own event came: events tell of it since then
            return
        relative = folder.relative_to(self._root).as_posix()
        self._folders[number] = "" if relative == "." else f"{relative}/"
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                self._add(Path(entry.path), is_new=is_new)
            elif is_new:
                self._found.add(self._folders[number] + entry.name)

    def _drain_until_end(self) -> None:
        import select

        hurry()  # what happens in a new folder before it is watched is seen once
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            self._drain()
            if self._wake_read in ready:
                return

    def _drain(self) -> None:
        while True:
            try:
                data = os.read(self._fd, _BUFFER_BYTES)
            except BlockingIOError:
                self._written.update(self._found)
                self._found.clear()
                return
            at = 0
            while at < len(data):
                number, mask, _, length = _EVENT.unpack_from(data, at)
                at += _EVENT.size
                name = os.fsdecode(data[at : at + length].rstrip(b"\0"))
                at += length
                self._heed(number, mask, name)

    def _heed(self, number: int, mask: int, name: str) -> None:
        if mask & _OVERFLOW:
            self._missed = True
        if self._way.get(number) == name and mask & _IS_DIR:
            self._watch_way()
            self._add_root()
        if number not in self._folders or not name:
            return
        path = self._folders[number] + name
        if mask & _IS_DIR:
            if mask & (_CREATE | _MOVED_TO):
                self._add(self._root / path, is_new=True)
        elif mask & _CLOSE_NOWRITE:
            self._read[path] += 1
        elif mask & (_CLOSE_WRITE | _MOVED_TO):  # in place, or written aside and renamed
            self._written[path] += 1
            self._found.discard(path)


# --- the picture ----------------------------------------------------------------------------------------------------


def touched_by(root: Path, read: Counter[str], written: Counter[str]) -> Touched:
    """What these counts of chunk files, by path below `root`, are in words and as grids."""
    words = f"{root.name}: {_times(read, 'read')}, {_times(written, 'written')}"
    return Touched(printable(words), tuple(grids_of(root, read, written)))


def _times(counter: Counter[str], verb: str) -> str:
    """Words for a count.

    >>> _times(Counter({"c/0": 2, "c/1": 1}), "read")
    '3 chunks read (2 different ones)'
    """
    total, different = counter.total(), len(counter)
    text = f"{total} chunk{'s' * (total != 1)} {verb}"
    return text if total == different else f"{text} ({different} different one{'s' * (different != 1)})"


def grids_of(root: Path, read: Mapping[str, int], written: Mapping[str, int]) -> list[ChunkGrid]:
    """The arrays below `root` that were touched, each with its grid of chunks and the counts per chunk."""
    found: dict[str, ChunkGrid | None] = {}
    for which, counts in (("read", read), ("written", written)):
        for path, count in counts.items():
            array = _array_of(root, path)
            if array not in found:
                if len(found) == _MAX_ARRAYS:
                    continue
                shape = _grid_shape(root / array)
                drawn = shape is not None and math.prod(shape) <= _MAX_CHUNKS
                found[array] = ChunkGrid(printable(array or root.name), shape, {}, {}) if shape and drawn else None
            grid = found[array]
            index = tuple(int(part[:9]) for part in re.findall(r"\d+", path[len(array) :])) or (0,)
            if grid is not None and len(index) == len(grid.shape) and all(map(operator.lt, index, grid.shape)):
                (grid.read if which == "read" else grid.written)[".".join(map(str, index))] = count
    return [grid for _, grid in sorted(found.items()) if grid is not None]


def _array_of(root: Path, path: str) -> str:
    """The folder of the array, below `root`, that the chunk at `path` belongs to: the nearest with metadata."""
    for parent in PurePosixPath(path).parents:
        # unlike `Path.is_file` it says False, too, where a path is too long or may not be looked at
        if any(os.path.isfile(root / parent / name) for name in ("zarr.json", ".zarray")):  # noqa: PTH113
            return "" if parent == PurePosixPath() else parent.as_posix()
    return ""


def _grid_shape(folder: Path) -> tuple[int, ...] | None:
    """How many chunks (or shards) an array has along each axis; None where its metadata, anyone's, does not tell."""
    for name in ("zarr.json", ".zarray"):
        try:
            data = json.loads(_metadata(folder / name))
            chunks = data["chunks"] if name == ".zarray" else data["chunk_grid"]["configuration"]["chunk_shape"]
            shape = tuple(max(1, math.ceil(size / chunk)) for size, chunk in zip(data["shape"], chunks, strict=True))
            return shape or (1,)
        except (OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError):
            continue
    return None


def _metadata(path: Path) -> bytes:
    """A small file, without waiting for a pipe that somebody has put there, or going where a link leads."""
    with open(os.open(path, os.O_RDONLY | _ONLY_A_FILE), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a file", str(path))
        return file.read(_MAX_METADATA_BYTES)
