"""What is run for a submission: structure and tests from the source notebook, only texts from the student.

Points, tags, cell types, locked cells and their order come from the source. From the submission come the text of solution
cells and of manually graded cells (found by grade_id, the first one where there are several) and the student's own cells.
"""

from __future__ import annotations

import ast
import copy
import enum
import hashlib
import re
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import CourseError, SubmissionError
from .types import parse_bytes, whole

# nbformat imports jsonschema, which would load a grammar of internationalised addresses (0.8 s); notebooks have none
_absent: Any = None
sys.modules.setdefault("rfc3987_syntax", _absent)
import nbformat  # noqa: E402
from nbformat import v4  # noqa: E402

if sys.modules.get("rfc3987_syntax", 0) is None:
    del sys.modules["rfc3987_syntax"]

__all__ = [
    "EXAMPLES",
    "SECTION",
    "Cell",
    "Kind",
    "Notebook",
    "bound_names",
    "ceilings_in",
    "example_key",
    "has_answer",
    "imported_modules",
    "kind_of",
    "merge",
    "name_of",
    "read_notebook",
    "rebuild",
    "text_key",
]

#: Our section of a notebook's metadata, and its entry with the keys of the examples that it was handed out with.
SECTION, EXAMPLES = "autograde", "examples"
_MOST_EXAMPLES = 1000
_MAX_NOTEBOOK_BYTES = 64 * 2**20
#: IPython reads a cell anew for each of its magics: 3000 lines with one took a minute.
_MAX_TRANSLATED, _MAX_TRANSLATED_LINES = 50_000, 500


class Kind(enum.StrEnum):
    """What a cell is for."""

    SETUP = "setup"  # locked, not graded: trusted code
    SOLUTION = "solution"  # the student's answer, tested by the cells that follow
    TEST = "test"  # graded by the judge
    MANUAL = "manual"  # graded by a person
    PLAIN = "plain"  # anything else: examples, the student's own cells
    TEXT = "text"  # markdown and raw


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as the judge sees it."""

    kind: Kind
    source: str
    label: str  # grade_id, or "cell <n>" for cells without
    points: float | None = None
    tags: tuple[str, ...] = ()
    example: bool = False  # a plain cell as it was handed out, but for a prediction

    @property
    def runs_for_student(self) -> bool:
        """Whether the student's process runs it."""
        return self.kind in (Kind.SETUP, Kind.SOLUTION, Kind.PLAIN)


@dataclass(frozen=True, slots=True)
class Notebook:
    """The cells of a notebook in the order in which they run, and what was noticed while they were put together."""

    name: str
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()

    def tests(self) -> tuple[Cell, ...]:
        """The cells that the judge grades."""
        return tuple(cell for cell in self.cells if cell.kind is Kind.TEST)

    def exercise_of(self, test: str) -> str | None:
        """The label of the solution cell that a test belongs to: the nearest one above it."""
        above = None
        for cell in self.cells:
            if cell.kind is Kind.SOLUTION:
                above = cell.label
            elif cell.label == test:
                return above
        raise CourseError(f"no test {test!r} in notebook {self.name!r}; it has {[c.label for c in self.tests()]}")

    def exercises(self) -> dict[str, tuple[str, ...]]:
        """The tests of each exercise, by the label of its solution cell."""
        found: dict[str, tuple[str, ...]] = {}
        above = None
        for cell in self.cells:
            if cell.kind is Kind.SOLUTION:
                above = cell.label
            elif cell.kind is Kind.TEST and above is not None:
                found[above] = (*found.get(above, ()), cell.label)
        return found


def read_notebook(path: Path, *, error: type[CourseError | SubmissionError] = CourseError) -> Any:
    """The notebook at `path` as nbformat 4; raises `error`, with what to do, when it is not one."""
    try:
        seen = path.stat()
        if not stat.S_ISREG(seen.st_mode):
            raise error(f"{path.name} cannot be read: it is not a file")  # a pipe would be waited for
        size_bytes = seen.st_size
        if size_bytes > _MAX_NOTEBOOK_BYTES:
            raise error(
                f"{path.name} has {size_bytes >> 20} MiB, at most {_MAX_NOTEBOOK_BYTES >> 20} are read. "
                "Clear its outputs (Edit > Clear Outputs of All Cells), save, and try again."
            )
        text = path.read_text(encoding="utf-8-sig")  # Windows editors put a byte order mark in front
    except FileNotFoundError:
        raise error(f"there is no notebook {path}") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"{path.name} cannot be read: {problem}") from problem
    try:
        notebook = nbformat.reads(text, as_version=4)
        nbformat.validate(notebook, relax_add_props=True)
    except Exception as problem:
        reason = "it is empty" if not text.strip() else f"{type(problem).__name__}: {str(problem)[:200]}"
        raise error(
            f"{path.name} is not a Jupyter notebook ({reason}). "
            "Open it in JupyterLab; if that fails too, go back to a checkpoint or take a fresh copy."
        ) from problem
    return notebook


def kind_of(cell: Any) -> Kind:
    meta = cell.metadata.get("nbgrader", {})
    grade, solution, locked = (bool(meta.get(key)) for key in ("grade", "solution", "locked"))
    if meta.get("task") or (grade and solution):
        return Kind.MANUAL
    if cell.cell_type != "code":
        return Kind.TEXT
    if grade:
        return Kind.TEST
    if solution:
        return Kind.SOLUTION
    return Kind.SETUP if locked and meta.get("grade_id") else Kind.PLAIN


def name_of(cell: Any) -> str | None:
    meta = cell.metadata.get("nbgrader")
    name = meta.get("grade_id") if isinstance(meta, dict) else None
    return name if isinstance(name, str) and name else None


def text_key(text: str) -> str:
    """A short key by which a text is known again."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]


def example_key(source: str) -> str:
    """By what an example is known again, whatever was predicted in it.

    >>> example_key("predicted = None  # your guess\\nrun()") == example_key("predicted = '40 MiB'\\nrun()\\n")
    True
    """
    lines = [line.rstrip() for line in source.splitlines() if not line.startswith("predicted = ")]
    return text_key("\n".join(lines).strip())


def _examples(notebook: Any) -> list[str]:
    """The keys that a notebook carries, if they are that: it may come from a student."""
    section = notebook.metadata.get(SECTION)
    keys = section.get(EXAMPLES) if isinstance(section, dict) else None
    return [key for key in keys[:_MOST_EXAMPLES] if isinstance(key, str)] if isinstance(keys, list) else []


def _cell(cell: Any, index: int, examples: frozenset[str]) -> Cell:
    kind = kind_of(cell)
    points = cell.metadata.get("nbgrader", {}).get("points") if kind in (Kind.TEST, Kind.MANUAL) else None
    return Cell(
        kind=kind,
        source=cell.source,
        label=name_of(cell) or f"cell {index + 1}",
        points=None if points is None else float(points),
        tags=tuple(cell.metadata.get("tags", ())),
        example=kind is Kind.PLAIN and bool(examples) and example_key(cell.source) in examples,
    )


def merge(source: Any, submitted: Any) -> tuple[Any, tuple[str, ...]]:
    """`source` with the student's texts, as an nbformat 4 notebook without outputs, and what was noticed.

    Cells with a grade_id that the source knows stand where the source has them. The student's own cells follow the
    nearest known cell that they stood behind; nothing but their text is taken. Missing solution cells are empty.
    """
    known = {name_of(cell): cell for cell in source.cells if name_of(cell)}
    texts: dict[str, str] = {}
    own: dict[str | None, list[Any]] = {}
    anchor: str | None = None
    notes: list[str] = []
    for cell in submitted.cells:
        grade_id = name_of(cell)
        if grade_id is not None and grade_id in known:
            if grade_id in texts:
                notes.append(f"There are two cells `{grade_id}`; the first one counts.")
                continue
            texts[grade_id] = whole(cell.source)
            anchor = grade_id
        elif cell.cell_type == "code":
            own.setdefault(anchor, []).append(v4.new_code_cell(whole(cell.source)))
        else:
            own.setdefault(anchor, []).append(v4.new_markdown_cell(whole(cell.source)))
    cells = list(own.get(None, ()))
    for grade_id, template in known.items():
        cell = copy.deepcopy(template)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        answer = kind_of(cell) in (Kind.SOLUTION, Kind.MANUAL)
        if answer:
            cell.source = texts.get(str(grade_id), "")
        if grade_id not in texts:
            consequence = "it counts as not answered" if answer else "it has been put back"
            notes.append(f"The cell `{grade_id}` is missing from the notebook; {consequence}.")
        cells.append(cell)
        cells.extend(own.get(grade_id, ()))
    book = v4.new_notebook(cells=cells, metadata=copy.deepcopy(source.metadata))
    if examples := _examples(submitted):  # whoever lies about them leaves out cells of their own
        book.metadata.setdefault(SECTION, {})[EXAMPLES] = examples
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"  # ids of a submission may be anything, twice the same included
    return book, tuple(notes)


def rebuild(name: str, source: Any, submitted: Any) -> Notebook:
    """What to run for a submission. Both arguments are nbformat 4 notebooks, see `merge`."""
    book, notes = merge(source, submitted)
    examples = frozenset(_examples(book))
    cells = tuple(_cell(cell, index, examples) for index, cell in enumerate(book.cells))
    return Notebook(name=name, cells=cells, notes=notes)


def parse_cell(source: str) -> ast.Module:
    """Syntax tree of a cell; IPython's own syntax is translated first. Raises `SyntaxError` for whatever cannot be read.

    >>> parse_cell("-" * 100_000 + "1")
    Traceback (most recent call last):
    SyntaxError: the cell is nested too deeply to be read (MemoryError)
    """
    try:
        try:
            return ast.parse(source)
        except SyntaxError:
            if len(source) > _MAX_TRANSLATED or source.count("\n") > _MAX_TRANSLATED_LINES:
                raise
        from IPython.core.inputtransformer2 import TransformerManager

        return ast.parse(TransformerManager().transform_cell(source))
    except (MemoryError, RecursionError, RuntimeError, ValueError) as error:
        raise SyntaxError(f"the cell is nested too deeply to be read ({type(error).__name__})") from None


def has_code(source: str) -> bool:
    """Whether a cell does anything: not only comments.

    >>> has_code("# hidden tests"), has_code("1 + 1")
    (False, True)
    """
    try:
        return bool(parse_cell(source).body)
    except SyntaxError:
        return True


def _parse(source: str) -> ast.Module | None:
    try:
        return parse_cell(source)
    except SyntaxError:
        return None


def bound_names(sources: Iterable[str]) -> frozenset[str]:
    """Names that the cells bind at their outermost level: functions, classes, variables; not imports.

    >>> sorted(bound_names(["import os\\ndef f(): pass", "a, b = 1, 2"]))
    ['a', 'b', 'f']
    >>> sorted(bound_names(["%%time\\ndef f(): pass"]))
    ['f']
    """
    names: set[str] = set()
    for source in sources:
        tree = _parse(re.sub(r"^\s*%%.*\n", "", source))  # a cell under %%time binds what it binds without
        for node in tree.body if tree else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names.update(part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
    return frozenset(names)


def has_answer(source: str) -> bool:
    """Whether anything was written: more than a docstring, comments and `raise NotImplementedError()`.

    >>> has_answer('def f(x):\\n    "Adds 1."\\n    # YOUR CODE HERE\\n    raise NotImplementedError()')
    False
    >>> has_answer("def f(x):\\n    return x +")
    True
    """
    try:
        tree = parse_cell(source)
    except SyntaxError:
        return bool(source.strip())
    todo = [node for top in tree.body for node in (top.body if isinstance(top, ast.FunctionDef) else [top])]
    try:
        return any(not _says_nothing(node) for node in todo)
    except RecursionError:
        return True  # nested so deeply, it is no stub


def _says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Raise) and node.exc is not None and "NotImplementedError" in ast.unparse(node.exc)
    )


def ceilings_in(notebook: Notebook) -> tuple[int, ...]:
    """The ceilings in bytes that the tests of a notebook set, where they are written out."""
    found = []
    for cell in notebook.cells:
        tree = _parse(cell.source) if cell.kind is Kind.TEST else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ceiling":
                size = node.args[0] if node.args else None
                if isinstance(size, ast.Constant) and isinstance(size.value, str | int):
                    found.append(parse_bytes(size.value))
    return tuple(found)


def imported_modules(sources: Sequence[str]) -> tuple[str, ...]:
    """Modules that the cells import at any depth, in order of appearance.

    >>> imported_modules(["import numpy as np", "def f():\\n    from scipy import signal"])
    ('numpy', 'scipy', 'scipy.signal')
    """
    found: dict[str, None] = {}
    for source in sources:
        tree = _parse(source)
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Import):
                found.update((alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[node.module] = None
                found.update((f"{node.module}.{alias.name}", None) for alias in node.names if alias.name != "*")
    return tuple(found)
