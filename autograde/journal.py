"""What is known of a class, on disk: facts as lines of JSON, and a ledger of the results with the hashes they came from.

A line is on the disk when `append` returns. A process may end anywhere: a line that was cut off is left out by whoever
reads, and never swallows the next one.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import CourseError, StorageError
from .types import Outcome, Report, TestResult, from_json, to_json

__all__ = [
    "Change",
    "Kept",
    "Ledger",
    "append",
    "changes",
    "digest",
    "folder_digest",
    "grader_digest",
    "only_one",
    "storage",
    "stored_facts",
    "write_whole",
]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO}
#: The modules that facts come from. Words and points are made anew from the facts, so those do not count.
_JUDGING = (
    *(
        "block",
        "bubblewrap",
        "buffers",
        "calls",
        "conditions",
        "examples",
        "folders",
        "footprint",
        "guard",
        "hidden",
        "judge",
    ),
    *("limits", "lines", "machine", "meters", "notebook", "poll", "procfs", "reads", "recording", "sandbox", "seccomp"),
    *("session", "slope", "student", "types", "wire"),
)


def digest(*parts: bytes | str) -> str:
    """SHA-256 of some texts, told apart from each other; 64 hexadecimal digits."""
    found = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        found.update(str(len(data)).encode() + b":" + data)
    return found.hexdigest()


def folder_digest(notebook: Path) -> str:
    """What a notebook is judged with: its own text, and every file that is laid beside it."""
    beside = sorted(
        path
        for path in notebook.parent.rglob("*")
        if path.is_file()
        and path.suffix != ".ipynb"
        and not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(notebook.parent).parts)
    )
    parts: list[bytes | str] = [notebook.read_bytes()]
    for path in beside:
        parts += [path.relative_to(notebook.parent).as_posix(), path.read_bytes()]
    return digest(*parts)


def grader_digest() -> str:
    """The judge's own code, as far as facts depend on it."""
    here = Path(__file__).parent
    return digest(*(f"{name}\n{(here / f'{name}.py').read_text(encoding='utf-8')}" for name in _JUDGING))


@contextlib.contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turn a disk that takes no more into a `StorageError` that says so."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StorageError(
            f"{path} cannot be written: {error.strerror}. What was finished before is kept: make room, and run the same "
            "command again."
        ) from error


def append(path: Path, line: str) -> None:
    """Add a line to a file; it is on the disk when this returns. Raises `StorageError` when the disk takes no more."""
    with storage(path), path.open("a+b", buffering=0) as file:
        data = line.encode() + b"\n"
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                data = b"\n" + data  # a line that was cut off must not swallow this one
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]
        os.fsync(file.fileno())


def write_whole(path: Path, text: str) -> None:
    """Write a file aside and then in place: whoever reads it finds the old text or the new one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with storage(path):
        try:
            with aside.open("w", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


def stored_facts(journal: Path) -> list[Outcome]:
    """The outcomes in a journal; a last line that was cut off by a crash is left out."""
    found = []
    try:
        lines = journal.read_bytes().split(b"\n")  # texts may hold other line separators, or end inside a letter
    except FileNotFoundError:
        return []
    for line in filter(None, lines):
        try:
            found.append(from_json(Outcome, line))
        except CourseError:
            continue
    return found


@contextlib.contextmanager
def only_one(path: Path, what: str) -> Iterator[None]:
    """Hold a file for this process alone. Raises `CourseError` when another one holds it; a killed process holds nothing."""
    try:
        import fcntl
    except ImportError:  # Windows, where nobody grades
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise CourseError(
                f"{what} is going on already, in process {file.read().strip() or '(unknown)'}: wait until it is done, or "
                "stop that one; nothing is lost"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


# --- results ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """A result that is in the gradebook, and the hashes of what it was made from, by notebook."""

    report: Report
    submissions: dict[str, str]
    sources: dict[str, str]
    grader: str


@dataclass(frozen=True, slots=True)
class Change:
    """A test whose verdict or points are not what they were when this submission was last graded."""

    student: str
    notebook: str
    test: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.student}: {self.notebook}/{self.test}: {self.before} -> {self.after}"


def _words(result: TestResult | None) -> str:
    if result is None:
        return "not there"
    words = result.verdict.words if result.verdict else "for a person"
    return words if result.points is None else f"{words}, {result.points:g} points"


def changes(before: Report, after: Report) -> tuple[Change, ...]:
    """The tests whose marks differ; those that only one of the two has are among them."""
    old, new = ({(one.notebook, one.test): one for one in report.tests} for report in (before, after))
    return tuple(
        Change(after.student, *name, _words(old.get(name)), _words(new.get(name)))
        for name in dict.fromkeys([*new, *old])
        if _words(old.get(name)) != _words(new.get(name))
    )


class Ledger:
    """The last result of each student, one line for each time that it changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, Kept] = {}
        with contextlib.suppress(FileNotFoundError), path.open("rb") as lines:
            for line in lines:
                with contextlib.suppress(CourseError):
                    kept = from_json(Kept, line)
                    self._kept[kept.report.student] = kept

    def __getitem__(self, student: str) -> Kept | None:
        return self._kept.get(student)

    def keep(self, kept: Kept) -> None:
        """Note a result, unless it is what stands there already."""
        student = kept.report.student
        if self._kept.get(student) != kept:
            append(self._path, to_json(kept))
            self._kept[student] = kept
