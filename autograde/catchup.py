"""Reference solutions for those who are behind: sealed in the kit, opened by the code of an exercise, or after a pass."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat import v4

from .check import check_notebook
from .course import Course
from .errors import CourseError
from .notebook import Kind, has_answer, kind_of, name_of, read_notebook
from .seal import code_of, seal, unseal
from .types import Verdict
from .update import write_with_backup

__all__ = ["REFERENCES", "CaughtUp", "catch_up", "codes", "sealed_references"]

#: Beside the notebooks of an assignment, in kits.
REFERENCES = "references.json"
_TAG = "autograde_catchup"
_PUT_IN = "# A reference, put in by `autograde catchup`."


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What was done. Without a backup nothing was: `message` says why."""

    path: Path
    backup: Path | None
    message: str


# --- in the kit -------------------------------------------------------------------------------------------------------


def _references(course: Course, assignment: str) -> dict[str, str]:
    """The solution cells of an assignment, by notebook/exercise."""
    from .release import without_markers  # here: it brings nbgrader, and students who catch up need none of it

    return {
        f"{path.stem}/{name_of(cell)}": without_markers(cell.source)
        for path in sorted(course.source(assignment).glob("*.ipynb"))
        for cell in read_notebook(path).cells
        if kind_of(cell) is Kind.SOLUTION
    }


def codes(course: Course, word: str) -> dict[str, str]:
    """The code of each exercise (assignment/notebook/exercise) that the instructor's word stands for."""
    names = [f"{one}/{name}" for one in course.assignments() for name in _references(course, one)]
    return {name: code_of(word, name) for name in names}


def sealed_references(course: Course, assignment: str, word: str) -> str:
    """The text of references.json: every reference sealed with its code and, in practice mode, for after a pass.

    The seal for after a pass keeps from reading by accident, no more: who passes offline has the key at hand. A graded
    course has none.
    """
    sealed = {}
    for name, text in _references(course, assignment).items():
        sealed[name] = {"code": seal(text, code_of(word, f"{assignment}/{name}"))}
        if course.settings.practice:
            sealed[name]["passed"] = seal(text, _after_a_pass(name))
    return json.dumps({"assignment": assignment, "exercises": sealed}, indent=1) + "\n"


def _after_a_pass(name: str) -> str:
    return f"after a pass: {name}"


# --- in the student's hands -------------------------------------------------------------------------------------------


def catch_up(
    path: Path,
    exercise: str,
    *,
    code: str | None = None,
    told: Callable[[int, int, str], None] = lambda done, total, test: None,
) -> CaughtUp:
    """Put the reference for `exercise` into the notebook at `path`, so that what follows can be worked on.

    With the code (of the exercise, or the instructor's word) it becomes the answer, and the student's attempt stands behind
    it as text. Without, the exercise is checked first; once it passes the reference stands behind it, to compare. The old
    notebook is kept in backup/. Raises `CourseError` for a wrong code, an unknown exercise or what is no notebook.
    """
    book = copy.deepcopy(read_notebook(path))
    assignment, name, seals = _seals_for(path, exercise)
    if code is None:
        if "passed" not in seals:
            raise CourseError(f"the reference for {exercise} opens with a code only; ask your instructor for it")
        judged = check_notebook(path, exercise=exercise, told=told)
        if any(result.verdict is not Verdict.AC for result in judged.tests):
            return CaughtUp(
                path,
                None,
                f"{exercise} does not pass yet. To go on without it, ask your instructor for its code: --code CODE",
            )
        text = unseal(seals["passed"], _after_a_pass(name))
    else:
        try:
            text = unseal(seals["code"], code)
        except CourseError:
            text = unseal(seals["code"], code_of(code, f"{assignment}/{name}"))
    place = next((n for n, cell in enumerate(book.cells) if name_of(cell) == exercise), None)
    cells = [cell for cell in book.cells if cell.metadata.get(_TAG) != f"reference {exercise}"]
    if place is None:
        _put_back(cells, exercise)
    answer = next(cell for cell in cells if name_of(cell) == exercise)
    behind = cells.index(answer) + 1
    if code is None:
        cells.insert(
            behind, _shown(f"A reference for `{exercise}`, to compare with yours:", text, f"reference {exercise}")
        )
        message = f"the reference for {exercise} stands below your answer"
    else:
        text = f"{_PUT_IN}\n{text}"
        if answer.source == text:
            return CaughtUp(path, None, f"the reference for {exercise} is there already")
        if has_answer(answer.source):
            cells.insert(behind, _shown(f"Your own attempt at `{exercise}`:", answer.source, f"attempt {exercise}"))
        answer.source, answer.outputs, answer.execution_count = text, [], None
        message = f"the reference for {exercise} is in place; run its cell, and go on"
    book.cells = cells
    return CaughtUp(path, write_with_backup(book, path), message)


def _seals_for(path: Path, exercise: str) -> tuple[str, str, dict[str, str]]:
    """Assignment, notebook/exercise, and the sealed texts."""
    place = path.parent / REFERENCES
    try:
        stored = json.loads(place.read_text(encoding="utf-8"))
        known: dict[str, dict[str, str]] = stored["exercises"]
        assignment = str(stored["assignment"])
    except FileNotFoundError:
        raise CourseError(
            f"there is no {REFERENCES} beside {path.name}; it comes with the kit, in the folder of each assignment"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(f"{place} is damaged; take it from the kit again") from error
    names = [name for name in known if name == f"{path.stem}/{exercise}"]
    names = names or [name for name in known if name.endswith(f"/{exercise}")]  # the notebook was renamed
    if len(names) != 1:
        there = ", ".join(name.partition("/")[2] for name in known if name.startswith(f"{path.stem}/"))
        raise CourseError(f"{path.name} has no exercise {exercise!r}; it has {there or 'none'}")
    return assignment, names[0], known[names[0]]


def _put_back(cells: list[Any], exercise: str) -> None:
    """The solution cell that a damaged notebook has lost: in front of its tests, else at the end."""
    meta = {"grade": False, "locked": False, "schema_version": 3, "solution": True, "task": False}
    made = v4.new_code_cell("", metadata={"nbgrader": {**meta, "grade_id": exercise}})
    tests = [n for n, cell in enumerate(cells) if (name_of(cell) or "").startswith(f"test_{exercise}")]
    cells.insert(tests[0] if tests else len(cells), made)


def _shown(heading: str, code: str, tag: str) -> Any:
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", code)), 3)
    return v4.new_markdown_cell(f"{heading}\n\n{fence}python\n{code}\n{fence}", metadata={_TAG: tag})
