"""Worked examples that a notebook was handed out with, and which of them a submission needs.

An example that nobody has changed, and whose names nobody uses, decides no verdict: the judge need not run it. A course
says in nbgrader_config.py that its tests need none (it adds `MarkExamples`); its releases then carry a mark of
each, by which `autograde check` and grading leave out the same cells.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .notebook import EXAMPLES, SECTION, Kind, Notebook, example_key, kind_of, parse_cell

__all__ = ["mark_examples", "unused_examples", "without"]

#: Longer cells are not read: a million statements would take a minute.
_MAX_LETTERS = 100_000
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
    if not examples:
        return frozenset()
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


@dataclass(slots=True)
class _Names:
    """What a cell gives to others (`binds`) and takes from them (`uses`): names at its outermost level, and files."""

    binds: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    opaque: bool = False  # it may give and take anything


def _names(source: str) -> _Names:
    """What a cell gives and takes. What it has certainly bound itself before it uses it, it does not take.

    >>> found = _names("import numpy as np\\ndef f(out):\\n    total = np.sum(big)\\n    return total")
    >>> sorted(found.binds), sorted(found.uses)
    (['f', 'np'], ['big'])
    >>> sorted(_names("for n in sizes:\\n    if n: last = n\\nlast").uses), _names("open('a.zarr')").uses - {"open"}
    (['last', 'sizes'], {'file a.zarr'})
    >>> sorted(_names("n += 1").uses), sorted(_names("def f():\\n    global n\\n    n += 1").uses)
    (['n'], ['n'])
    >>> _names("x = eval('y')").opaque, _names("def f(:").opaque
    (True, True)
    """
    found = _Names()
    if len(source) > _MAX_LETTERS:
        return _Names(opaque=True)
    try:
        tree = parse_cell(source)
        _follow(tree.body, set(), found)
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        return _Names(opaque=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _FILE.fullmatch(node.value):
            found.binds.add(f"file {node.value}")
            found.uses.add(f"file {node.value}")
        found.opaque |= isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    found.opaque |= not _OPAQUE.isdisjoint(found.uses | found.binds)
    return found


#: What may be the name of a file: no text, and more than a suffix.
_FILE = re.compile(r"\w[\w/-]*[./][\w./-]*\w")


def _follow(statements: Sequence[ast.stmt], own: set[str], found: _Names) -> None:
    """Add what some statements bind and use to `found`; `own` are names that are bound before, and grows."""
    for one in statements:
        if isinstance(one, ast.With):
            for item in one.items:
                _simple(ast.Expr(item.context_expr), own, found)
                if item.optional_vars is not None:
                    _simple(ast.Assign([item.optional_vars], _NOTHING, lineno=0), own, found)
            _follow(one.body, own, found)
        elif isinstance(one, ast.For):
            _simple(ast.Expr(one.iter), own, found)
            inside = set(own)
            _simple(ast.Assign([one.target], _NOTHING, lineno=0), inside, found)
            _follow([*one.body, *one.orelse], inside, found)
        elif isinstance(one, ast.If | ast.While):
            _simple(ast.Expr(one.test), own, found)
            _follow(one.body, set(own), found)
            _follow(one.orelse, set(own), found)
        else:
            _simple(one, own, found)


_NOTHING = ast.Constant(None)


def _simple(statement: ast.stmt, own: set[str], found: _Names) -> None:
    """As `_follow` for one statement, whose own names may be used before they are bound."""
    table = symtable.symtable(ast.unparse(statement), "<cell>", "exec")
    binds: set[str] = set()
    changes = isinstance(statement, ast.AugAssign | ast.Delete | ast.Try | ast.Match)  # what is there, it may be
    tables = [table]
    while tables:
        scope = tables.pop()
        tables += scope.get_children()
        for symbol in scope.get_symbols():
            if scope is table or symbol.is_global():
                if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                    binds.add(symbol.get_name())
                used = symbol.is_referenced() or symbol.is_declared_global() or changes
                if used and symbol.get_name() not in own:
                    found.uses.add(symbol.get_name())
    found.binds |= binds
    if not changes:
        own |= binds
