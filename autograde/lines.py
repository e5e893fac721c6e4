"""The student's lines: which files are cells, and whose line it is when a stack of calls is looked at."""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType
from typing import Any

from .habits import cause_of
from .types import Line

__all__ = [
    "CELL_NAMES",
    "TEST_FILES",
    "Seen",
    "cause_line",
    "cell_line",
    "cell_name",
    "functions_named",
    "ipython_shell",
    "own_row",
    "seen_from",
    "stands_at_top_of_cell",
]

#: File names of cells that the student process compiled, and their grade_ids. In a kernel, IPython knows them.
CELL_NAMES: dict[str, str] = {}
#: Files whose functions are tests (pytest), as the cell is that runs in a notebook.
TEST_FILES: set[str] = set()


def ipython_shell() -> Any:
    """IPython's shell where there is one, without importing it."""
    module = sys.modules.get("IPython.core.getipython")
    return None if module is None else module.get_ipython()


def cell_name(filename: str) -> str | None:
    """The grade_id of the cell compiled as `filename`, "" for a cell whose id is not known, None for other files."""
    if filename in CELL_NAMES:
        return CELL_NAMES[filename]
    shell = ipython_shell()
    if shell is not None and filename in getattr(shell.compile, "_filename_map", {}):
        return ""
    return None


def stands_at_top_of_cell(frame: FrameType) -> bool:
    """Whether the `with` or the simple statement that `frame` is at stands at the outermost level of a notebook cell.

    Only there can the error wait until the end of the cell without a `try` or an outer `with` noticing.
    """
    if frame.f_code.co_name != "<module>" or cell_name(frame.f_code.co_filename) is None:
        return False
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename)))
    except SyntaxError:
        return False
    for node in tree.body:
        if isinstance(node, ast.With) and len(node.items) == 1:
            last = node.body[0].lineno
        elif isinstance(node, ast.Expr | ast.Assign | ast.AnnAssign):
            last = node.end_lineno or node.lineno
        else:
            continue
        if node.lineno <= frame.f_lineno <= last:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Seen:
    """Where the student's code was seen: at a line of a cell, in a function that was called or in the cell that ran."""

    file: str
    number: int
    function: str
    called: bool

    @property
    def line(self) -> Line:
        """The line to speak of: this one, or the one of its function that is the cause."""
        return cause_line(self.file, self.number, self.function)


def seen_from(frame: FrameType | None) -> Seen | None:
    """The student's code that led to `frame`: the innermost line in the cell whose function was called.

    A test's cell calls the student's function, which may call helpers of the notebook: those are not the student's doing.
    """
    rows: list[FrameType] = []
    while frame is not None:
        if cell_name(frame.f_code.co_filename) is not None:
            rows.append(frame)
        frame = frame.f_back
    found = own_row([(row.f_code.co_filename, row.f_code.co_name) for row in rows])
    if found is None:
        return None
    code = rows[found].f_code
    outermost = rows[-1].f_code
    itself = code.co_filename == outermost.co_filename and outermost.co_name == "<module>"
    # a comprehension has a frame of its own on Python 3.11; the student knows the function around it
    number = rows[found].f_lineno or code.co_firstlineno  # none while a call begins
    return Seen(code.co_filename, number, code.co_qualname.split(".<locals>")[0], not itself)


def own_row(rows: Sequence[tuple[str, str]]) -> int | None:
    """Which of the (file, function) rows of cells, innermost first, is the student's; None if there are none.

    >>> own_row([("setup", "__next__"), ("answer", "f"), ("test", "<module>")])
    1
    >>> own_row([("answer", "helper"), ("answer", "f"), ("test", "<lambda>"), ("test", "<module>")])
    0
    >>> own_row([("answer", "f")]), own_row([("test", "<module>")]), own_row([])
    (0, 0, None)
    """
    if not rows:
        return None
    outermost, name = rows[-1]
    running = outermost if name == "<module>" or outermost in TEST_FILES else None  # None: called from outside of cells
    called = next((file for file, _ in reversed(rows) if file != running), running)
    return next(number for number, (file, _) in enumerate(rows) if file == called)


def functions_named(code: CodeType, names: Mapping[str, Any]) -> tuple[FunctionType, ...]:
    """The functions that code names, in the order of its names."""
    found = (names.get(name) for name in code.co_names)
    return tuple(one for one in found if isinstance(one, FunctionType))


def cell_line(filename: str, number: int, function: str) -> Line:
    """Line `number` of the cell that was compiled as `filename`."""
    return Line(
        cell=cell_name(filename) or None,
        number=number,
        text=linecache.getline(filename, number).strip(),
        function=None if function.startswith("<") else function,
    )


def cause_line(filename: str, number: int, function: str) -> Line:
    """The line to speak of when line `number` ran at the peak: that one, or the one of its function that is the cause."""
    cause, other = cause_of("".join(linecache.getlines(filename)), number)
    return cell_line(filename, cause, other or function)
