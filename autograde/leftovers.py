"""What earlier cells keep: arrays that have a name in the notebook, and the lines that made them.

When a notebook is judged, these count beside what a function holds. In JupyterLab a block is measured from its own start,
so that it passes here and not there, unless somebody says so.
"""

from __future__ import annotations

import ast
import mmap
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .types import Kept

__all__ = ["kept_by_cells", "named_arrays"]

#: Smaller arrays are not worth a name in a message, nor a look at their pages.
_NAMED_BYTES = 2**20
#: A cell that calls one of these is a test, and what it makes lies in the judge's process.
_TESTING = frozenset({"ceiling", "slope"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
#: How proc(5) names maps that lie in memory and yet have a file: anonymous shared ones, shared memory, memfd.
_FILES_IN_MEMORY = ("/dev/zero", "/dev/shm/", "/memfd:", "/SYSV")


def named_arrays(namespace: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Names in a notebook that hold arrays or bytes, largest first; two names of one array count once.

    Memory maps of files hold nothing, nor does what nobody has touched: the meter does not count these either.
    """
    found: dict[int, tuple[str, int]] = {}
    for name, value in list(namespace.items()):
        while type(value) is np.ndarray and type(value.base) is np.ndarray:
            value = value.base  # a view holds what it looks into
        size = 0 if name.startswith("_") else _held_bytes(value)
        if size >= _NAMED_BYTES:
            found.setdefault(id(value), (name, size))
    return sorted(found.values(), key=lambda item: -item[1])


def _held_bytes(value: Any) -> int:
    if type(value) is np.ndarray:
        return 0 if _maps_a_file(value) else _touched_bytes(value)
    if type(value) in (bytes, bytearray):
        return len(value)
    if type(value) in (list, tuple):
        return sum(_held_bytes(part) for part in value[:10_000] if type(part) in (np.ndarray, bytes, bytearray))
    return 0


def _maps_a_file(array: np.ndarray[Any, Any]) -> bool:
    """Whether an array looks into a memory map of a file on disk. False where it is no np.memmap and /proc is missing."""
    base: Any = array
    while isinstance(base, np.ndarray | memoryview):
        if isinstance(base, np.memmap):
            return True
        base = base.obj if isinstance(base, memoryview) else base.base
    return isinstance(base, mmap.mmap) and _file_at(_address(array))


def _address(array: np.ndarray[Any, Any]) -> int:
    return int(array.__array_interface__["data"][0])


def _file_at(address: int) -> bool:
    """Whether a file on disk is mapped at an address of this process: Python does not tell of a map what it maps."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            for line in maps:  # "7f0000000000-7f0000100000 rw-s 00000000 fe:00 338944   /data/movie.raw", proc(5)
                span, _, _, _, inode, *path = line.split(maxsplit=5)
                start, _, end = span.partition("-")
                if int(start, 16) <= address < int(end, 16):
                    return inode != "0" and not "".join(path).startswith(_FILES_IN_MEMORY)
    except OSError:  # macOS, Windows: whether it does cannot be told
        return False
    return False


def _touched_bytes(array: np.ndarray[Any, Any]) -> int:
    """How much of an array is in memory or in swap, an upper bound: zeros that were read, and never written, count too.

    All of it where the system does not tell.
    """
    if array.nbytes < _NAMED_BYTES or not array.flags.forc:
        return int(array.nbytes)
    page = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
    first, last = _address(array) // page, -(-(_address(array) + array.nbytes) // page)
    try:
        with open("/proc/self/pagemap", "rb", buffering=0) as file:  # proc(5); 10 ms for an array of 1 GiB
            file.seek(first * 8)
            pages = np.frombuffer(file.read((last - first) * 8), np.uint64)
    except OSError:  # no Linux, or a sandbox that has no such file
        return int(array.nbytes)
    touched = int(np.count_nonzero(pages >> 62))  # bit 63: in memory, bit 62: in swap
    return min(int(array.nbytes), touched * page)


def kept_by_cells(namespace: Mapping[str, Any], cells: Sequence[str]) -> tuple[Kept, ...]:
    """The arrays of `namespace` with the cell and the line that made each, largest first, but for those of tests.

    `cells`: the texts of all cells in the order in which they ran, as IPython's `In`; the number of a cell is its place
    there, which JupyterLab shows beside it.
    """
    found = []
    for name, size in named_arrays(namespace):
        number, line = _maker(name, cells)
        if number is None or not _is_test(_tree(cells[number])):
            found.append(Kept(name, size, number, line))
    return tuple(found)


def _maker(name: str, cells: Sequence[str]) -> tuple[int | None, str]:
    """The last cell that bound `name`, and the text of its last line that did."""
    for number in reversed(range(len(cells))):
        rows = [row for bound, row in _bindings(_tree(cells[number])) if bound == name]
        if rows:
            return number, cells[number].splitlines()[max(rows) - 1].strip()
    return None, ""


def _tree(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def _bindings(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Names that are bound at the level of the notebook, not inside of functions, and the lines where."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id, child.lineno
        if not isinstance(child, _FUNCTIONS + _COMPREHENSIONS):
            yield from _bindings(child)


def _is_test(tree: ast.Module) -> bool:
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(isinstance(called, ast.Name) and called.id in _TESTING for called in calls) or any(
        isinstance(node, ast.Assert) for node in tree.body
    )
