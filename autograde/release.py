"""Makes the student version of an assignment, and proves that nothing hidden is in it before it replaces the old one."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import nbformat

from .course import Course
from .errors import CourseError
from .gradebook import generate_release
from .notebook import read_notebook

__all__ = ["find_leaks", "put_in_place", "release", "release_solutions", "secrets", "without_markers"]

_REGION = re.compile(
    r"^[ \t]*#+ BEGIN (SOLUTION|HIDDEN TESTS|MARK SCHEME)[^\n]*\n(.*?)^[ \t]*#+ END \1", re.MULTILINE | re.DOTALL
)
_MARKER = re.compile(r"^[ \t]*#+ (BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)[^\n]*(\n|\Z)", re.MULTILINE)
#: Shorter lines say nothing: `return`, `total = 0`, `else:`.
_MIN_LINE = 12
_RUN = 3
#: What an author gives away on purpose.
_HINT = re.compile(r"<details\b.*?</details>", re.DOTALL)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _lines(text: str) -> list[str]:
    return [line for line in map(_squeezed, text.splitlines()) if len(line) >= _MIN_LINE]


def _runs(text: str) -> Iterator[str]:
    """Every few lines in a row, as one line: what nobody writes twice by chance."""
    lines = [line for line in map(_squeezed, text.splitlines()) if line]
    for start in range(len(lines) - _RUN + 1):
        run = " ".join(lines[start : start + _RUN])
        if len(run) >= _RUN * _MIN_LINE:
            yield run


def secrets(notebooks: Iterable[Any], *, tests: bool = True) -> frozenset[str]:
    """Lines of solutions and hidden tests that must not get out, and every three of them in a row.

    A single line that also stands in open code is an idiom, and one in a folded hint (`<details>`) is given on purpose:
    these are no secrets. In any other text a copy is a slip, and three lines in a row are one everywhere. Without `tests`
    hidden tests are open, and only solutions are secret.
    """
    hidden: set[str] = set()
    runs: set[str] = set()
    open_text: list[str] = []
    for notebook in notebooks:
        for cell in notebook.cells:
            is_code = cell.cell_type == "code"
            whole = cell.metadata.get("nbgrader", {}).get("solution") and not _REGION.search(cell.source)
            for match in _REGION.finditer(cell.source):
                if tests or match[1] != "HIDDEN TESTS":
                    hidden.update(_lines(match[2]))
                    runs.update(_runs(match[2]))
                else:
                    open_text.append(match[2])
            if whole:  # the whole cell is the solution
                hidden.update(_lines(cell.source))
                runs.update(_runs(cell.source))
            else:
                shown = _REGION.sub("", cell.source)
                open_text += [shown] if is_code else _HINT.findall(shown)
    visible = _squeezed("\n".join(open_text))
    return frozenset(line for line in hidden if line not in visible) | runs


def find_leaks(folder: Path, hidden: frozenset[str]) -> list[str]:
    """Every place below `folder` (or in this one file) where one of the `hidden` lines stands, as "file: line"."""
    found = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
        if path.is_file():
            text = re.sub(r"\s+", " ", _text(path))
            found += [f"{path.relative_to(folder)}: {line}" for line in sorted(hidden) if line in text]
    return found


def _text(path: Path) -> str:
    """All text of a file; in notebooks what the JSON stands for, outputs and attachments included."""
    text = path.read_bytes().decode("utf-8", "replace")
    if path.suffix == ".ipynb":
        try:
            return "\n".join(_strings(json.loads(text)))
        except ValueError:
            return text
    return text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _strings(part)
    elif isinstance(value, list):
        if value and all(isinstance(part, str) for part in value):
            yield "".join(value)  # nbformat splits texts at their lines
        else:
            for part in value:
                yield from _strings(part)


def release(
    course: Course,
    assignment: str,
    *,
    target: Path | None = None,
    full_tests: bool = False,
    keep_marks: bool = True,
) -> Path:
    """Make release/<assignment>/ anew (or `target`) through nbgrader; the old one stays if anything goes wrong.

    With `full_tests` hidden tests come along, solutions still never. Without `keep_marks` the gradebook is left alone.
    Raises `CourseError` when nbgrader refuses, or when the text of a solution or hidden test would get out.
    """
    course.check_assignment(assignment)
    final = course.release(assignment) if target is None else target
    sources = [read_notebook(path) for path in sorted(course.source(assignment).glob("*.ipynb"))]
    for notebook, path in zip(sources, sorted(course.source(assignment).glob("*.ipynb")), strict=True):
        _check_source(notebook, path)
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".release-", dir=final.parent) as scratch:
        generate_release(course, assignment, Path(scratch), full_tests=full_tests, keep_marks=keep_marks)
        made = Path(scratch) / assignment
        leaks = find_leaks(made, secrets(sources, tests=not full_tests))
        if leaks:
            raise CourseError(
                f"{assignment} was not released: {len(leaks)} hidden lines would get out, for example {leaks[0]!r}. "
                "Clear the outputs of the source notebook, and look for copies of the solution outside of its markers. "
                "A line that you give on purpose belongs into a folded hint (<details>)."
            )
        put_in_place(made, final, Path(scratch) / "old")
    _copy_guide(course, final.parent)
    return final


def put_in_place(made: Path, final: Path, old: Path) -> None:
    """Move the folder `made` to `final`; what was there goes to `old`, and comes back if anything goes wrong."""
    if final.exists():
        final.rename(old)
    try:
        made.rename(final)
    except BaseException:
        if old.exists():
            old.rename(final)
        raise


def release_solutions(course: Course, assignment: str, folder: Path) -> Path:
    """The instructor's notebooks without markers and outputs, at `folder`/<assignment>/: for afterwards.

    What lay there before is replaced whole. Raises `CourseError` where that would be source/ or release/ itself.
    """
    course.check_assignment(assignment)
    source, final = course.source(assignment), folder.resolve() / assignment
    if final in (source.resolve(), course.release(assignment).resolve()):
        raise CourseError(f"{folder} holds the course's own notebooks; choose another folder for those with solutions")
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".solutions-", dir=final.parent) as scratch:
        made = Path(scratch) / "made"
        shutil.copytree(source, made, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        for path in made.rglob("*.ipynb"):
            notebook = read_notebook(path)
            for cell in notebook.cells:
                cell.source = without_markers(cell.source)
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
            path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
        put_in_place(made, final, Path(scratch) / "old")
    return final


def without_markers(text: str) -> str:
    """A cell of a source notebook with its hidden parts open.

    >>> without_markers("def f():\\n    ### BEGIN SOLUTION\\n    return 1\\n    ### END SOLUTION")
    'def f():\\n    return 1'
    """
    opened = _MARKER.sub("", text)
    return text if opened == text else opened.rstrip("\n")


def _copy_guide(course: Course, folder: Path) -> None:
    """The guide for students, source/STUDENTS.md, as README.md beside the released assignments."""
    guide = course.source(".") / "STUDENTS.md"
    if guide.is_file():
        aside = folder / ".README.md.new"
        aside.write_bytes(guide.read_bytes())
        aside.replace(folder / "README.md")


def _check_source(notebook: Any, path: Path) -> None:
    """Refuse what nbgrader would let through: two cells of one id, a solution without markers."""
    seen: set[str] = set()
    for cell in notebook.cells:
        meta = cell.metadata.get("nbgrader", {})
        name = meta.get("grade_id")
        if name in seen:
            raise CourseError(f"{path.name} has two cells with the grade_id {name!r}; every cell needs its own")
        if name:
            seen.add(name)
        if (
            meta.get("solution")
            and not meta.get("grade")
            and cell.cell_type == "code"
            and not _REGION.search(cell.source)
        ):
            raise CourseError(
                f"{path.name}: the solution cell {name!r} has no `### BEGIN SOLUTION` ... `### END SOLUTION`; "
                "put the markers around what students are to write"
            )
