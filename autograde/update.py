"""A student's notebook carried into a mended release: answers by grade_id, their own cells at their places, nothing lost."""

from __future__ import annotations

import copy
import tempfile
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from nbformat import v4

from .course import CONFIG_NAME
from .errors import CourseError
from .journal import write_whole
from .notebook import SECTION, Kind, kind_of, name_of, read_notebook, text_key

__all__ = ["Updated", "carry_over", "stamp", "update_notebook", "write_with_backup"]

_STAMP = "handed_out"
_MAX_RELEASE_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Updated:
    """What was done to a notebook."""

    path: Path
    backup: Path | None  # None: nothing had to change
    notes: tuple[str, ...] = ()


def update_notebook(path: Path, release: Path | None = None) -> Updated:
    """Carry the answers in `path` into the notebook of the same name in `release`: a notebook, a folder, or a kit's zip.

    Without `release`, into the release of the course that `path` lies in. The old notebook is kept in backup/ beside it.
    Raises `CourseError` when either cannot be read; then nothing is changed.
    """
    mine = read_notebook(path)
    fresh = _release_for(path, release)
    book, notes = carry_over(fresh, mine)
    if [_facts(cell) for cell in book.cells] == [
        _facts(cell) for cell in mine.cells
    ] and book.metadata == mine.metadata:
        return Updated(path, None, ("It is up to date.",))
    return Updated(path, write_with_backup(book, path), notes)


def _facts(cell: Any) -> tuple[Any, ...]:
    return cell.cell_type, cell.source, cell.get("id"), cell.metadata


def write_with_backup(book: Any, path: Path) -> Path:
    """Replace the notebook at `path` by `book` in one step; returns where the old one is kept, in backup/ beside it."""
    folder = path.parent / "backup"
    folder.mkdir(exist_ok=True)
    name = f"{path.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    backup = next(
        one
        for one in (folder / f"{name}{more}.ipynb" for more in ("", *(f"-{n}" for n in range(1, 1000))))
        if not one.exists()
    )
    backup.write_bytes(path.read_bytes())
    write_whole(path, nbformat.writes(book) + "\n")
    return backup


# --- which release ----------------------------------------------------------------------------------------------------


def _release_for(path: Path, release: Path | None) -> Any:
    path = path.resolve()
    if release is None:
        root = next((folder for folder in path.parents if (folder / CONFIG_NAME).is_file()), None)
        release = root / "release" / path.parent.name / path.name if root else None
        if release is None or not release.is_file() or release.resolve() == path:
            raise CourseError(
                f"which release? Name the mended {path.name}, its folder, or the new kit's zip: "
                f"autograde update {path.name} --release new-kit.zip"
            )
    if release.is_dir():
        near = (release / "release" / path.parent.name, release / path.parent.name, release)
        found = [one / path.name for one in near if (one / path.name).is_file()]
        found = found or sorted(one for one in release.rglob(path.name) if "backup" not in one.parts)
        if not found:
            raise CourseError(f"there is no {path.name} in {release}")
        release = found[0]
    if release.suffix == ".zip":
        return _from_zip(release, path)
    if release.resolve() == path:
        raise CourseError(f"{path.name} cannot be carried into itself; name the mended release")
    return read_notebook(release)


def _from_zip(archive: Path, path: Path) -> Any:
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [one for one in opened.namelist() if PurePosixPath(one).name == path.name]
            same = [one for one in names if PurePosixPath(one).parent.name == path.parent.name] or names
            if not same:
                raise CourseError(f"there is no {path.name} in {archive.name}")
            with opened.open(same[0]) as file:
                text = file.read(_MAX_RELEASE_BYTES + 1)
    except (zipfile.BadZipFile, OSError) as error:
        raise CourseError(f"{archive.name} cannot be read ({error}); download it again") from error
    with tempfile.TemporaryDirectory(prefix="autograde-update-") as scratch:
        there = Path(scratch) / path.name
        there.write_bytes(text)
        return read_notebook(there)


# --- cells ------------------------------------------------------------------------------------------------------------


def stamp(book: Any) -> Any:
    """`book` with a note of what each cell was when it was handed out, so that an update can tell what is the student's."""
    stamped = copy.deepcopy(book)
    stamped.metadata.setdefault(SECTION, {})[_STAMP] = {_label(cell): text_key(cell.source) for cell in book.cells}
    return stamped


def _label(cell: Any) -> str:
    name = name_of(cell)
    return f"#{name}" if name else str(cell.get("id", ""))


def _stamps(book: Any) -> Mapping[str, Any]:
    section = book.metadata.get(SECTION)
    found = section.get(_STAMP) if isinstance(section, dict) else None
    return found if isinstance(found, dict) else {}


def carry_over(fresh: Any, mine: Any) -> tuple[Any, tuple[str, ...]]:
    """`fresh` with the answers, outputs and own cells of `mine`, both nbformat 4, and what the student should know.

    Texts, set-up and tests come from `fresh`. An answer stays, unless its cell is as it was handed out. A cell of the
    release that the student has changed stays changed; where the release has changed it too, both stand one after the
    other. Other cells follow the nearest cell of the release that they stood behind.
    """
    handed_out = _stamps(mine)
    by_label = {label: place for place, cell in enumerate(fresh.cells) if (label := _label(cell))}
    there = {_label(cell) for cell in mine.cells}
    by_text = {  # where ids were lost
        (cell.cell_type, cell.source): place
        for place, cell in enumerate(fresh.cells)
        if not name_of(cell) and _label(cell) not in there - {""}
    }
    cells = [copy.deepcopy(cell) for cell in fresh.cells]
    own: dict[int, list[Any]] = {}
    notes: list[str] = []
    seen: set[int] = set()
    anchor = -1

    def keep(cell: Any) -> None:
        """Keep a cell as one of the student's own."""
        mine_now = copy.deepcopy(cell)
        mine_now.metadata.pop("nbgrader", None)
        for key in ("deletable", "editable"):
            mine_now.metadata.pop(key, None)
        own.setdefault(anchor, []).append(mine_now)

    for cell in mine.cells:
        label, name = _label(cell), name_of(cell)
        untouched = handed_out.get(label) == text_key(cell.source)
        place = by_label.get(label)
        if place is None and not name:
            place = by_text.get((cell.cell_type, cell.source))
        if place is None:
            if name and kind_of(cell) not in (Kind.SOLUTION, Kind.MANUAL):
                notes.append(f"The cell `{name}` is no part of the release any more.")
                if not untouched and handed_out.get(label):
                    keep(cell)
            elif not untouched and (cell.source.strip() or not name):
                keep(cell)
                if name:
                    notes.append(f"The exercise `{name}` is no part of the release any more; your answer is kept.")
            continue
        template = fresh.cells[place]
        if place in seen:  # pasted twice
            if cell.source not in (template.source, cells[place].source) and not untouched:
                keep(cell)
            continue
        seen.add(place)
        anchor = place
        answer = bool(name) and kind_of(template) in (Kind.SOLUTION, Kind.MANUAL)
        mended = handed_out.get(label) != text_key(template.source)
        if cell.source == template.source:
            _take_outputs(cells[place], cell)
        elif untouched:
            continue
        elif answer or (not name and not mended):
            cells[place].source = cell.source
            _take_outputs(cells[place], cell)
            if answer and mended and label in handed_out:
                notes.append(f"The text of `{name}` has changed in the release: your answer is kept, compare it.")
        elif not name:
            keep(cell)
        elif label in handed_out:
            notes.append(
                f"You had changed the locked cell `{name}`; it is as in the release again, yours is in the backup."
            )
    new = [str(name_of(cell)) for place, cell in enumerate(fresh.cells) if place not in seen and name_of(cell)]
    if new:
        notes.append(f"New, or put back: {', '.join(f'`{name}`' for name in new)}.")
    put_together = list(own.get(-1, ()))
    for place, cell in enumerate(cells):
        put_together += [cell, *own.get(place, ())]
    _own_ids(put_together, release=cells)
    return v4.new_notebook(cells=put_together, metadata=copy.deepcopy(fresh.metadata)), tuple(notes)


def _take_outputs(cell: Any, old: Any) -> None:
    if cell.cell_type == "code" and old.cell_type == "code":
        cell.outputs, cell.execution_count = copy.deepcopy(old.outputs), old.execution_count


def _own_ids(cells: list[Any], *, release: list[Any]) -> None:
    """Ids that appear once: cells of the release keep theirs."""
    of_release = {id(cell) for cell in release}
    taken = {cell.get("id") for cell in release}
    for number, cell in enumerate(cells):
        if id(cell) not in of_release:
            if not cell.get("id") or cell["id"] in taken:
                cell["id"] = f"own-{number}-{text_key(cell.source)}"
            taken.add(cell["id"])
