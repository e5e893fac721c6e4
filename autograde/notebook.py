"""What is run for a submission: structure and tests from the source notebook, only texts from the student.

Points, tags, cell types, locked cells and their order come from the source. From the submission come the text of solution
cells and of manually graded cells (found by grade_id, the first one where there are several) and the student's own cells.
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat

from .errors import CourseError, SubmissionError

__all__ = ["Cell", "Kind", "Notebook", "bound_names", "imported_modules", "read_notebook", "rebuild"]

_MAX_NOTEBOOK_BYTES = 64 * 2**20


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
    missing: bool = False  # was not in the submission

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
        size_bytes = path.stat().st_size
        if size_bytes > _MAX_NOTEBOOK_BYTES:
            raise error(
                f"{path.name} has {size_bytes >> 20} MiB, at most {_MAX_NOTEBOOK_BYTES >> 20} are read. "
                "Clear its outputs (Edit > Clear Outputs of All Cells), save, and try again."
            )
        text = path.read_text(encoding="utf-8")
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


def _kind(cell: Any) -> Kind:
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


def _grade_id(cell: Any) -> str | None:
    meta = cell.metadata.get("nbgrader")
    name = meta.get("grade_id") if isinstance(meta, dict) else None
    return name if isinstance(name, str) and name else None


def _source_cell(cell: Any, index: int) -> Cell:
    kind = _kind(cell)
    points = cell.metadata.get("nbgrader", {}).get("points") if kind in (Kind.TEST, Kind.MANUAL) else None
    return Cell(
        kind=kind,
        source=cell.source,
        label=_grade_id(cell) or f"cell {index + 1}",
        points=None if points is None else float(points),
        tags=tuple(cell.metadata.get("tags", ())),
    )


def rebuild(name: str, source: Any, submitted: Any) -> Notebook:
    """The notebook to run: `source` with the student's texts. Both are nbformat 4 notebooks.

    Cells with a grade_id that the source knows stand where the source has them. The student's own cells follow the
    nearest known cell that they stood behind. Missing solution cells are empty, and say so.
    """
    known = {_grade_id(cell): _source_cell(cell, index) for index, cell in enumerate(source.cells) if _grade_id(cell)}
    texts: dict[str, str] = {}
    own: dict[str | None, list[Cell]] = {}
    anchor: str | None = None
    notes: list[str] = []
    for index, cell in enumerate(submitted.cells):
        grade_id = _grade_id(cell)
        if grade_id in known and grade_id is not None:
            if grade_id in texts:
                notes.append(f"There are two cells `{grade_id}`; the first one counts.")
                continue
            texts[grade_id] = cell.source
            anchor = grade_id
        else:
            kind = Kind.PLAIN if cell.cell_type == "code" else Kind.TEXT
            own.setdefault(anchor, []).append(Cell(kind, cell.source, f"cell {index + 1}"))
    cells = list(own.get(None, ()))
    for grade_id, template in known.items():
        assert grade_id is not None
        if template.kind in (Kind.SOLUTION, Kind.MANUAL):
            if grade_id in texts:
                cells.append(replace(template, source=texts[grade_id]))
            else:
                cells.append(replace(template, source="", missing=True))
                notes.append(f"The cell `{grade_id}` is missing from the notebook; it counts as not answered.")
        else:
            cells.append(template)
            if grade_id not in texts:
                notes.append(f"The cell `{grade_id}` was missing from the notebook and has been put back.")
        cells.extend(own.get(grade_id, ()))
    return Notebook(name=name, cells=tuple(cells), notes=tuple(notes))


def _parse(source: str) -> ast.Module | None:
    """Syntax tree of a cell, or None where it has none; IPython's own syntax is translated first."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except (SyntaxError, ValueError, RecursionError):
        return None


def bound_names(sources: Iterable[str]) -> frozenset[str]:
    """Names that the cells bind at their outermost level: functions, classes, variables; not imports.

    >>> sorted(bound_names(["import os\\ndef f(): pass", "a, b = 1, 2"]))
    ['a', 'b', 'f']
    """
    names: set[str] = set()
    for source in sources:
        tree = _parse(source)
        for node in tree.body if tree else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names.update(part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
    return frozenset(names)


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
