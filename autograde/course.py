"""A course directory: where its notebooks lie, and its settings. Any nbgrader course will do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import platformdirs

from .errors import CourseError
from .limits import Limits, parse_limits
from .notebook import Notebook, read_notebook, rebuild
from .sandbox import SANDBOXES
from .types import parse_bytes

__all__ = ["CONFIG_NAME", "Course", "Settings", "data_folder", "find_course", "settings_near"]

CONFIG_NAME = "nbgrader_config.py"
#: Stands for the name that is looked for in a path.
_ANY = "*"


@dataclass(frozen=True, slots=True)
class Settings:
    """What an instructor sets in the section `c.CourseSettings` of nbgrader_config.py."""

    mode: Literal["practice", "graded"] = "practice"
    cell_seconds: float = 120.0
    test_seconds: float = 120.0
    ceiling_scale: float = 1.0
    ceilings: Mapping[str, int] = field(default_factory=dict)  # bytes, by exercise or test
    sandbox: str = "auto"  # around submissions: auto, bubblewrap or process
    limits: Limits = field(default_factory=Limits)

    @property
    def practice(self) -> bool:
        return self.mode == "practice"


@dataclass(frozen=True, slots=True)
class Course:
    """A folder with nbgrader_config.py and source/."""

    root: Path
    settings: Settings
    config: Any  # traitlets' Config, as nbgrader reads it

    def _directory(self, step: str) -> str:
        return str(self.config.CourseDirectory.get(f"{step}_directory", step))

    def folder(self, step: str, student: str, assignment: str) -> Path:
        """Where nbgrader keeps `assignment` of `student` at a step: source, release, submitted, autograded, feedback."""
        structure = self.config.CourseDirectory.get("directory_structure") or str(
            Path("{nbgrader_step}", "{student_id}", "{assignment_id}")
        )
        relative = structure.format(nbgrader_step=self._directory(step), student_id=student, assignment_id=assignment)
        return self.root / relative

    def source(self, assignment: str) -> Path:
        return self.folder("source", ".", assignment)

    def release(self, assignment: str) -> Path:
        return self.folder("release", ".", assignment)

    def submitted(self, student: str, assignment: str) -> Path:
        return self.folder("submitted", student, assignment)

    def build(self, *parts: str) -> Path:
        """A place for what work produces."""
        return self.root.joinpath("build", *parts)

    def assignments(self) -> tuple[str, ...]:
        """Names of all assignments that have a notebook in source/."""
        return self._names(self.source(_ANY), lambda folder: any(folder.glob("*.ipynb")))

    def check_assignment(self, assignment: str) -> None:
        """Raise `CourseError` unless source/ has notebooks for `assignment`."""
        if assignment not in self.assignments():
            known = ", ".join(self.assignments()) or "none yet"
            raise CourseError(
                f"no assignment {assignment!r} in {self.root / self._directory('source')}; there is: {known}"
            )

    def notebooks(self, assignment: str) -> dict[str, Notebook]:
        """The source notebooks of an assignment, by name."""
        self.check_assignment(assignment)
        found = {}
        for path in sorted(self.source(assignment).glob("*.ipynb")):
            notebook = read_notebook(path)
            found[path.stem] = rebuild(path.stem, notebook, notebook)
        return found

    def students(self, assignment: str) -> tuple[str, ...]:
        """Everybody who has a folder with this assignment in submitted/."""
        return self._names(self.submitted(_ANY, assignment), Path.is_dir)

    def graded(self, assignment: str) -> tuple[str, ...]:
        """Everybody who has a judged notebook of this assignment in autograded/, members of teams among them."""
        return self._names(self.folder("autograded", _ANY, assignment), lambda folder: any(folder.glob("*.ipynb")))

    def _names(self, pattern: Path, fits: Callable[[Path], bool]) -> tuple[str, ...]:
        """What stands for `_ANY` in the folders that look like `pattern` and fit."""
        depth = pattern.parts.index(_ANY)
        base = Path(*pattern.parts[:depth])
        if not base.is_dir():
            return ()
        found = (path.name for path in base.iterdir() if fits(path.joinpath(*pattern.parts[depth + 1 :])))
        return tuple(sorted(name for name in found if not name.startswith(".")))


def find_course(start: Path) -> Course:
    """The course that `start` lies in: the nearest folder above with nbgrader_config.py and source/.

    Raises `CourseError` where there is none, or where its settings are wrong.
    """
    root = _root_of(start)
    if root is not None:
        return _load(root)
    raise CourseError(
        f"{start.resolve()} is not in a course directory: expected a folder with {CONFIG_NAME} and source/ here or above. "
        "Go there (cd), or name it with --course."
    )


def settings_near(start: Path) -> Settings:
    """The settings that hold for a notebook in folder `start`: students have nbgrader_config.py, but no source/."""
    root = _root_of(start)
    return Settings() if root is None else _settings(_read_config(root), root)


def data_folder(start: Path) -> Path:
    """Where data for a notebook in folder `start` lies: data/ in its course, else with the user."""
    root = _root_of(start)
    return Path(platformdirs.user_cache_dir("autograde")) / "data" if root is None else root / "data"


def _root_of(start: Path) -> Path | None:
    start = start.resolve()
    return next((folder for folder in (start, *start.parents) if (folder / CONFIG_NAME).is_file()), None)


def _read_config(root: Path) -> Any:
    from traitlets.config.loader import PyFileConfigLoader

    try:
        return PyFileConfigLoader(CONFIG_NAME, path=str(root)).load_config()
    except Exception as error:
        raise CourseError(f"{root / CONFIG_NAME} cannot be read: {type(error).__name__}: {error}") from error


def _load(root: Path) -> Course:
    config = _read_config(root)
    source = root / str(config.CourseDirectory.get("source_directory", "source"))
    if not source.is_dir():
        raise CourseError(f"{root} has {CONFIG_NAME} but no {source.name}/ folder with assignments")
    return Course(root=root, settings=_settings(config, root), config=config)


def _settings(config: Any, root: Path) -> Settings:
    section, path = config.get("CourseSettings", {}), root / CONFIG_NAME
    known = Settings.__dataclass_fields__
    unknown = sorted(set(section) - set(known))
    if unknown:
        raise CourseError(f"{path}: c.CourseSettings has no {', '.join(unknown)}; it has {', '.join(known)}")
    values = dict(section)
    if values.get("mode", "practice") not in ("practice", "graded"):
        raise CourseError(f"{path}: c.CourseSettings.mode is {values['mode']!r}, expected 'practice' or 'graded'")
    for name in ("cell_seconds", "test_seconds", "ceiling_scale"):
        value = values.get(name, 1)
        if not isinstance(value, int | float) or value <= 0:
            raise CourseError(f"{path}: c.CourseSettings.{name} is {value!r}, expected a number above zero")
    if values.get("sandbox", "auto") not in SANDBOXES:
        raise CourseError(
            f"{path}: c.CourseSettings.sandbox is {values['sandbox']!r}, expected {' or '.join(SANDBOXES)}"
        )
    values["ceilings"] = {name: parse_bytes(size) for name, size in dict(values.get("ceilings", {})).items()}
    try:
        values["limits"] = parse_limits(dict(values.get("limits", {})))
    except CourseError as error:
        raise CourseError(f"{path}: c.CourseSettings.limits: {error}") from None
    return Settings(**values)
