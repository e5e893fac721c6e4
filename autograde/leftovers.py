"""What earlier cells keep: arrays that have a name in the notebook, and the lines that made them.

When a notebook is judged, these count beside what a function holds. In JupyterLab a block is measured from its own start,
so that it passes here and not there, unless somebody says so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .types import Kept

__all__ = ["kept_by_cells", "named_arrays"]

#: Smaller arrays are not worth a name in a message.
_NAMED_BYTES = 2**20
#: A cell that calls one of these is a test, and what it makes lies in the judge's process.
_TESTING = frozenset({"ceiling", "slope"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def named_arrays(namespace: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Names in a notebook that hold arrays or bytes, largest first; two names of one array count once."""
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
        return int(value.nbytes)
    if type(value) in (bytes, bytearray):
        return len(value)
    if type(value) in (list, tuple):
        return sum(_held_bytes(part) for part in value[:10_000] if type(part) in (np.ndarray, bytes, bytearray))
    return 0


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
