"""Worked examples that a notebook was handed out with, and which of them a submission needs.

An example that nobody has changed, and whose names nobody uses, decides no verdict: the judge need not run it. A course
says in nbgrader_config.py that its tests need none (`c.CourseSettings.skip_examples`); its releases then carry a mark of
each, by which `autograde check` and grading leave out the same cells.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .notebook import EXAMPLES, SECTION, Kind, Notebook, example_key, kind_of, parse_cell

__all__ = ["mark_examples", "unused_examples", "without"]

#: Who writes one of these may use any name.
_OPAQUE = frozenset({"eval", "exec", "globals", "locals", "vars", "get_ipython", "__main__", "__import__"})


def mark_examples(book: Any) -> None:
    """Note in the metadata of a released notebook (nbformat 4) which of its cells are examples."""
    keys = [example_key(cell.source) for cell in book.cells if kind_of(cell) is Kind.PLAIN and cell.source.strip()]
    book.metadata.setdefault(SECTION, {})[EXAMPLES] = keys


def unused_examples(notebook: Notebook) -> frozenset[str]:
    """Keys of the examples in `notebook` that are as they were handed out, and that no code of the student's needs.

    Needed is an example that binds a name, or names a file, which the student's cells or other needed examples use.
    """
    examples = {cell: _names(cell.source) for cell in notebook.cells if cell.example}
    wanted = [
        _names(cell.source)
        for cell in notebook.cells
        if cell.kind is Kind.SOLUTION or (cell.kind is Kind.PLAIN and not cell.example)
    ]
    unused = {cell: names for cell, names in examples.items() if not names.opaque}
    wanted += [names for cell, names in examples.items() if names.opaque]
    while wanted:
        one = wanted.pop()
        needed = [cell for cell, names in unused.items() if one.opaque or one.uses & names.binds]
        wanted += [unused.pop(cell) for cell in needed]
    kept = {example_key(cell.source) for cell in examples if cell not in unused}
    return frozenset(example_key(cell.source) for cell in unused) - kept


def without(notebook: Notebook, keys: Iterable[str]) -> Notebook:
    """`notebook` without the plain cells that have these keys."""
    gone = frozenset(keys)
    stay = (cell for cell in notebook.cells if cell.kind is not Kind.PLAIN or example_key(cell.source) not in gone)
    return replace(notebook, cells=tuple(stay))


@dataclass(frozen=True, slots=True)
class _Names:
    binds: frozenset[str]
    uses: frozenset[str]
    opaque: bool = False


def _names(source: str) -> _Names:
    """What a cell gives to others and takes from them: names at its outermost level, and files by their names.

    >>> found = _names("import numpy as np\\ndef f(out):\\n    total = np.sum(big)\\n    return total")
    >>> sorted(found.binds), sorted(found.uses - set(dir(__builtins__)))
    (['f', 'np'], ['big', 'np'])
    >>> _names("x = eval('y')").opaque, _names("def f(:").opaque
    (True, True)
    """
    try:
        tree = parse_cell(source)
        table = symtable.symtable(ast.unparse(tree), "<cell>", "exec")
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        return _Names(frozenset(), frozenset(), opaque=True)
    binds, uses = set(_paths(tree)), set(_paths(tree))
    tables = [table]
    while tables:
        scope = tables.pop()
        tables += scope.get_children()
        outermost = scope is table
        for symbol in scope.get_symbols():
            if outermost or symbol.is_global():
                if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                    binds.add(symbol.get_name())
                if symbol.is_referenced():
                    uses.add(symbol.get_name())
    stars = any(
        alias.name == "*" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    )
    return _Names(frozenset(binds), frozenset(uses), stars or not _OPAQUE.isdisjoint(uses | binds))


def _paths(tree: ast.AST) -> Iterable[str]:
    """Texts that may name a file, with a mark before them that no name has."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"[^\s]*[./][^\s]*", node.value)
        ):
            yield f"file {node.value}"
