"""Habits that hold everything: how one line of code shows them, and which line of a function is the cause of another.

A measurement finds the line that ran when most was held. Where dask or a pool of threads works, that is a line which does
what it should, on a block that another line has made too large.
"""

from __future__ import annotations

import ast
import functools
import re
from dataclasses import dataclass
from typing import TypeGuard

__all__ = ["SLABS", "Habit", "cause_of", "function_at", "habit_of", "joined_in"]


@dataclass(frozen=True, slots=True)
class Habit:
    """A way of holding everything that shows in one line of code."""

    name: str
    pattern: re.Pattern[str]
    does: str
    instead: str


SLABS = "take a slab (some planes, frames or samples), finish it, then take the next"
#: In order: the first pattern that fits the line speaks.
_HABITS = tuple(
    Habit(name, re.compile(pattern), does, instead)
    for name, pattern, does, instead in (
        (
            "delayed",
            r"delayed\(\s*[\w.]+\(",
            "reads now: `delayed` is given the result, and not the function",
            "dask.delayed(read)(path), with the function and its arguments apart",
        ),
        (
            "all written",
            r"\[\s*(:|\.\.\.)\s*(,\s*:\s*)*\]\s*=[^=]",
            "holds everything at once, to write it",
            "write each part into its place in the zarr array as soon as you have it",
        ),
        (
            "joined",
            r"\b(np|numpy|da)\.(stack|concatenate|vstack|dstack|block)\(",
            "joins all the parts in memory",
            "write each part into its place in the zarr array as soon as you have it",
        ),
        (
            "compute",
            r"\.compute\(|\bcompute\(",
            "is where dask does the work: either the result is large, or a step on the way to it is",
            "let dask write block by block with da.store, if the result is large. If it is small, look at the promise: "
            "its blocks may be too large (x.chunksize), or a step needs many of them at once (rechunk, a whole axis)",
        ),
        (
            "whole axis",
            r"\.rechunk\(\s*(-1|[(\[]\s*-1|\{[^}]*\b0\s*:\s*-1)",
            "joins all of the first axis into one block (`-1` means all): every step after it holds that much",
            "leave the blocks as they are, or small; a function that looks at its neighbours gets them by map_overlap, "
            "with a margin (depth)",
        ),
        (
            "rechunk",
            r"\.rechunk\(|\.persist\(",
            "keeps many blocks alive until the new chunks are complete",
            "read in blocks that already are whole numbers of the chunks you write",
        ),
        (
            "whole",
            r"\[\s*(:|\.\.\.|\(\))\s*(,\s*:\s*)*\]",
            "reads the whole array at once",
            f"{SLABS} (and for a size ask .shape, which reads nothing)",
        ),
        (
            "array",
            r"\b(np|numpy)\.(as|ascontiguous)?array\(",
            "makes one array of everything",
            "write each part into its place in the zarr array as soon as you have it",
        ),
        (
            "image",
            r"\bimread\((?!.*\baszarr\s*=\s*True)|\basarray\(\)",  # with aszarr=True it reads nothing yet
            "reads image data",
            "read one file (or a few planes), write it, and let it go before you read the next",
        ),
        (
            "file",
            r"\bfromfile\(|\.read\(\)|\bfrombuffer\(",
            "reads the whole file",
            "read one piece (a chunk or a few), write it, and let it go before you read the next",
        ),
        (
            "pool",
            r"^\s*list\(\s*\w+\.map\(|^\s*for .*\.map\(|\.submit\(",
            "works on several pieces at the same time; what the workers read, and what they return, is all held",
            "let each worker read its piece, write it and return nothing; then fewer workers, or smaller pieces",
        ),
        (
            "list",
            r"\blist\(|\.append\(|^\s*\[.* for .* in |= \[.* for .* in ",
            "keeps every piece in a list",
            "use each piece (write it, or add it up) before you take the next, and keep none of them",
        ),
        (
            "room",  # of any type: a type in the call that makes an array is no conversion; `.astype(` on the line is
            r"^(?!.*\.astype\().*\b(np|numpy)\.(empty|zeros|ones|full)(_like)?\(",
            "makes room for a whole array, which is held once it is filled",
            "write each part into its place in the zarr array as soon as you have it",
        ),
        (
            "wider",
            r"\.astype\(|float64|float32|/ ?[0-9.]+",
            "makes a wider copy (float64 takes four times the bytes of uint16)",
            f"{SLABS}, and convert only that slab",
        ),
        (
            "to_zarr",
            r"\.to_zarr\(",
            "first rechunks to blocks of about 128 MiB, where the array on disk exists already",
            "da.store(x, array, lock=False), with blocks that are whole numbers of the chunks you write",
        ),
        (
            "store",
            r"\.store\(|\bstore\(",
            "runs a dask graph that holds many blocks at once",
            "give dask blocks of a few MiB that are whole numbers of the chunks you write, from the start "
            "(da.from_zarr(x, chunks=...), not rechunk)",
        ),
    )
)

#: Lines that are not to blame where another line of the function joins a whole axis, or keeps every piece.
_WORKING = frozenset({"wider", "room", "compute", "store", "to_zarr", "pool", "list", "rechunk"})


def habit_of(text: str) -> Habit | None:
    """The habit that shows in a line of code, if any.

    >>> habit_of("x = movie.rechunk({0: -1})").name, habit_of("list(pool.map(work, corners))").name
    ('whole axis', 'pool')
    >>> habit_of("results = list(pool.map(work, corners))").name
    'list'
    """
    return next((habit for habit in _HABITS if habit.pattern.search(text)), None)


@functools.lru_cache(maxsize=256)  # asked at each new peak of a poll
def cause_of(cell: str, number: int) -> tuple[int, str | None]:
    """The line of a cell to speak of when line `number` ran at the peak, and its function where that is another line.

    A whole axis that was joined anywhere in the same function comes first, because dask runs its steps later and elsewhere;
    then, for a pool and for lines that hold nothing by themselves, a list of parts of an argument, made before; then, for a
    line that does nothing but fill an array, the line that made it.
    """
    function = _function(cell, number)
    lines = cell.splitlines()
    if function is None or not 0 < number <= len(lines):
        return number, None
    seen = habit_of(lines[number - 1])
    joined = joined_in(cell, number)
    if joined is not None and (seen is None or seen.name in _WORKING):
        return joined
    if seen is None or seen.name == "pool":
        arguments = {argument.arg for argument in function.args.args}
        made = [node.lineno for node in ast.walk(function) if _parts_of(node, arguments) and node.lineno < number]
        if made:
            return max(made), function.name
    if seen is None and (room := _filled_from(function, number)):
        return room, function.name
    return number, None


@functools.lru_cache(maxsize=256)
def joined_in(cell: str, number: int) -> tuple[int, str] | None:
    """The line that joins a whole axis in the function that line `number` of a cell is in, and the function's name."""
    function = _function(cell, number)
    if function is None:
        return None
    lines = cell.splitlines()
    for other in range(function.lineno, (function.end_lineno or function.lineno) + 1):
        habit = habit_of(lines[other - 1].partition("#")[0])
        if habit is not None and habit.name == "whole axis":
            return other, function.name
    return None


def function_at(cell: str, number: int) -> str | None:
    """The name of the outermost function that line `number` of a cell is in."""
    function = _function(cell, number)
    return None if function is None else function.name


def _function(cell: str, number: int) -> ast.FunctionDef | None:
    """The outermost function that line `number` is in."""
    try:
        body = ast.parse(cell).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # deep in brackets, and called from deep below
        return None
    functions = (node for node in body if isinstance(node, ast.FunctionDef))
    return next((node for node in functions if node.lineno <= number <= (node.end_lineno or 0)), None)


def _parts_of(node: ast.AST, arguments: set[str]) -> TypeGuard[ast.Assign]:
    """Whether a list of parts of one of the arguments gets a name, as in ``blocks = [source[r] for r in regions]``."""
    if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.ListComp)):
        return False
    part = node.value.elt
    return isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name) and part.value.id in arguments


def _filled_from(function: ast.FunctionDef, number: int) -> int | None:
    """The line that made the array that line `number` fills, or the loop that begins there, if it does nothing else."""
    rooms: dict[str, int] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call):
            habit = habit_of(ast.unparse(node))
            if habit is not None and habit.name == "room" and node.lineno < number:
                rooms[node.targets[0].id] = node.lineno
    for node in ast.walk(function):
        if isinstance(node, ast.For | ast.Assign) and node.lineno == number:
            steps = node.body if isinstance(node, ast.For) else [node]
            names = {_stored_into(step) for step in steps}
            if names <= rooms.keys():
                return max(rooms[name] for name in names)
    return None


def _stored_into(step: ast.stmt) -> str:
    """The name in ``name[...] = value``; "" for any other statement."""
    if isinstance(step, ast.Assign) and isinstance(step.targets[0], ast.Subscript):
        array = step.targets[0].value
        return array.id if isinstance(array, ast.Name) else ""
    return ""
