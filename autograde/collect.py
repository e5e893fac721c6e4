"""Brings what a learning platform exports into submitted/: a zip, a folder of folders, or notebooks named by student.

Nothing is unpacked: of an archive only notebooks are read, each up to a bound, and written below names made here.
"""

from __future__ import annotations

import dataclasses
import re
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from .course import Course
from .errors import CourseError
from .teams import FILE_NAME, find_teams, is_for_teams

__all__ = ["Collected", "Collection", "Found", "Person", "collect", "identify", "read_people"]

_MAX_FILES = 20_000
_MAX_FILE_BYTES = 64 * 2**20
_MAX_TOTAL_BYTES = 2 * 2**30
_SUFFIX = ".ipynb"
_MOODLE = re.compile(r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_[a-z]+_?$")
#: What browsers, JupyterLab and backups add to a name.
_COPY = re.compile(r"( ?\(\d+\)|[-_ ][Cc]opy ?\d*)+$")
_HEADINGS = frozenset({"id", "student", "student_id", "name"})


@dataclass(frozen=True, slots=True)
class Person:
    """One line of a roster: the name of the folder in submitted/, and other words that stand for the same person."""

    student: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A notebook in the source, and whose it says it is."""

    place: str  # where in the source
    who: str  # as the source calls the student
    assignment: str
    notebook: str
    when: float  # the larger, the newer
    read: Callable[[], bytes]
    suffix: str = _SUFFIX  # of the file


@dataclass(frozen=True, slots=True)
class Collected:
    """What became of one notebook."""

    student: str
    assignment: str
    notebook: str
    status: str  # collected, unchanged, replaced, kept (another one lies there already), duplicate, unknown student
    place: str
    suffix: str = _SUFFIX


@dataclass(frozen=True, slots=True)
class Collection:
    """What was done, who handed in nothing, and which files stand for no notebook of the course."""

    notebooks: tuple[Collected, ...]
    missing: tuple[tuple[str, str], ...] = ()  # student, assignment
    ignored: tuple[str, ...] = ()


def collect(
    course: Course,
    source: Path,
    *,
    people: Sequence[Person] = (),
    assignment: str | None = None,
    replace: bool = False,
    also: Sequence[str] = (),
) -> Collection:
    """Copy notebooks from `source` (a zip or a folder) into submitted/<student>/<assignment>/.

    With `people` only theirs, under the roster's names; others are told as unknown. Of two notebooks of one name the newer
    one counts. What lies in submitted/ already stays unless `replace`. `assignment` says which, where names of notebooks
    leave it open. `also` names other files that may come along, exactly ("data_card.yml"): from a student's folder, or named
    by student where there is none, for the assignment that is given, or whose folder they lie in, or that has a notebook
    beside them. team.yml comes along where the assignment is for teams. Raises `CourseError` for an
    archive that is broken or hostile, before anything is written.
    """
    if assignment is not None:
        course.check_assignment(assignment)
    wanted = (assignment,) if assignment else course.assignments()
    names = {one: tuple(path.stem for path in sorted(course.source(one).glob(f"*{_SUFFIX}"))) for one in wanted}
    found: list[Found] = []
    ignored: list[str] = []
    extra: list[tuple[str, float, Callable[[], bytes]]] = []
    _check_also(also)
    takes = tuple(dict.fromkeys([*also, FILE_NAME]))
    archive, files = _files(source, takes)
    try:
        for place, when, read in files:
            known = identify(place, names)
            if known is not None:
                found.append(Found(place, *known, when, read))
            elif _meant(place, takes):
                extra.append((place, when, read))
            else:
                ignored.append(place)
        known_as = {_plain(word): one.student for one in people for word in (one.student, *one.aliases)}
        wrapper = _wrapper(found, names, known_as)
        if wrapper is not None:
            owners = [identify(_inside(wrapper, one.place), names) for one in found]
            found = [dataclasses.replace(one, who=its[0]) for one, its in zip(found, owners, strict=True) if its]
        inside = [dataclasses.replace(one, place=_inside(wrapper, one.place)) for one in found]
        for place, when, read in extra:
            name = PurePosixPath(_meant(place, takes))
            taking = [one for one in names if str(name) in also or is_for_teams(course, one)]
            owner = _owner(_inside(wrapper, place), name.stem, names, inside, taking)
            if owner is None:
                ignored.append(place)
            else:
                found.append(Found(place, *owner, name.stem, when, read, name.suffix))
        rows = list(_sort_out(found, known_as))
        # all is read before anything is written
        texts = {row.place: one.read() for row, one in rows if row.status == "collected"}
    finally:
        if archive is not None:
            archive.close()
    done = tuple(_put(course, row, texts.get(row.place), replace=replace) for row, _ in rows)
    seen = sorted({row.assignment for row in done})
    missing = tuple(
        (one.student, name)
        for name in ([assignment] if assignment else seen)
        for one in _without_work(course, name, people)
    )
    return Collection(done, missing, tuple(ignored))


def _without_work(course: Course, assignment: str, people: Sequence[Person]) -> list[Person]:
    """Who has handed in no notebook of an assignment, and is in no team that has."""
    teams = find_teams(course, assignment, known={one.student for one in people})
    covered = {member for team in teams.values() for member in team.members}
    return [
        one
        for one in people
        if one.student not in covered and not any(course.submitted(one.student, assignment).glob(f"*{_SUFFIX}"))
    ]


# --- whose, and what --------------------------------------------------------------------------------------------------


def identify(place: str, names: Mapping[str, Sequence[str]]) -> tuple[str, str, str] | None:
    """(student, assignment, notebook) that a path in the source stands for; None where it stands for nothing.

    `names` holds the notebooks of each assignment. The student is the innermost folder that is no assignment, or what is
    left of the file's name.

    >>> names = {"2-conversion": ["imaging", "ephys"]}
    >>> identify("Ada Lovelace_1234_assignsubmission_file_/imaging.ipynb", names)
    ('Ada Lovelace', '2-conversion', 'imaging')
    >>> identify("ada/2-conversion/imaging (1).ipynb", names)
    ('ada', '2-conversion', 'imaging')
    >>> identify("imaging_ada.ipynb", names), identify("ada-ephys.ipynb", names)
    (('ada', '2-conversion', 'imaging'), ('ada', '2-conversion', 'ephys'))
    >>> identify("ada/other.ipynb", names) is None
    True
    """
    path = PurePosixPath(place)
    if path.suffix.lower() != _SUFFIX or any(part.startswith((".", "__MACOSX")) for part in path.parts):
        return None
    folders = [part for part in path.parts[:-1] if part not in names]
    inside = [part for part in path.parts[:-1] if part in names]
    stem = _COPY.sub("", path.stem)
    for moodle in filter(None, map(_MOODLE.match, folders)):
        folders = [moodle["name"]]
        break
    fits = [
        (len(notebook), assignment, notebook, rest)
        for assignment in (inside[-1:] or names)
        for notebook in names[assignment]
        if (rest := _without(stem, notebook)) is not None
    ]
    if not fits:
        return None
    longest = max(length for length, *_ in fits)
    fits = [one for one in fits if one[0] == longest]
    if len({assignment for _, assignment, *_ in fits}) > 1:
        raise CourseError(
            f"{place}: a notebook {fits[0][2]!r} is part of {', '.join(sorted(one[1] for one in fits))}; "
            "say which with --assignment"
        )
    _, assignment, notebook, rest = fits[0]
    who = folders[-1] if folders else rest
    if not _is_safe(who):
        return None
    return who, assignment, notebook


def _wrapper(found: Sequence[Found], names: Mapping[str, Sequence[str]], known_as: Mapping[str, str]) -> str | None:
    """The folder that all notebooks lie in while their names tell the students: the export's own, and no student's.

    Without a roster it could as well be one student's with several tries, so nothing is guessed: raises `CourseError`.
    """
    folders = {tuple(part for part in PurePosixPath(one.place).parts[:-1] if part not in names) for one in found}
    if len(folders) != 1 or len(folder := folders.pop()) != 1 or _MOODLE.match(folder[0]):
        return None
    owners: dict[tuple[str, str], set[str]] = {}
    for one in found:
        alone = identify(_inside(folder[0], one.place), names)
        if alone is None:
            return None
        owners.setdefault(alone[1:], set()).add(alone[0])
    several = next((sorted(whose) for whose in owners.values() if len(whose) > 1), None)
    if several is None or _plain(folder[0]) in known_as:
        return None
    if not known_as:
        raise CourseError(
            f"all notebooks lie in the folder {folder[0]!r}, and their names tell {', '.join(several[:3])} apart: students, "
            "or tries of one student? Say who there is (--roster), or collect from inside of that folder"
        )
    return folder[0]


def _inside(wrapper: str | None, place: str) -> str:
    """A place as it is without the export's own folder."""
    return str(PurePosixPath(*(part for part in PurePosixPath(place).parts if part != wrapper)))


def _check_also(names: Sequence[str]) -> None:
    for name in names:
        if not _is_safe(name) or name.endswith(_SUFFIX):
            raise CourseError(f"--also wants the name of a file, such as data_card.yml, got {name!r}")


def _meant(place: str, also: Sequence[str]) -> str:
    """Which of the files in `also` this is, be it named by student: `ada_team.yml`; empty: none."""
    path = PurePosixPath(place)
    same = [name for name in also if PurePosixPath(name).suffix == path.suffix]
    return next((name for name in same if _without(path.stem, PurePosixPath(name).stem) is not None), "")


def _owner(
    place: str, stem: str, names: Mapping[str, Sequence[str]], notebooks: Sequence[Found], taking: Sequence[str]
) -> tuple[str, str] | None:
    """(student, assignment) of the file `stem`, no notebook: as if a notebook of that name lay in its place.

    In a student's folder it must have its name exactly; where there is none the student stands in the file's name. `taking`
    are the assignments that take such a file.
    """
    path = PurePosixPath(place)
    inside = [part for part in path.parts if part in names][-1:]
    known = identify(str(path.with_suffix(_SUFFIX)), {one: [stem] for one in names} if inside else {"": [stem]})
    if known is None or (path.stem != stem and known[0] != _without(path.stem, stem)):
        return None
    who = known[0]
    beside = {one.assignment for one in notebooks if one.who == who and PurePosixPath(one.place).parent == path.parent}
    wanted = [one for one in inside or sorted(beside) or names if one in taking]
    return (who, wanted[0]) if len(wanted) == 1 else None


def _without(stem: str, notebook: str) -> str | None:
    """What a file's name says beside the name of the notebook; None if it is not that notebook's."""
    if stem == notebook:
        return ""
    for start, end in ((0, len(stem) - len(notebook)), (len(notebook), len(stem))):
        rest = stem[start:end]
        whole = rest + notebook if start == 0 else notebook + rest
        if end > start and whole == stem and (rest[-1] if start == 0 else rest[0]) in "_- ":
            return rest.strip("_- ")
    return None


def _is_safe(name: str) -> bool:
    """Whether a student's name can be the name of a folder."""
    return (
        0 < len(name) <= 100
        and name == name.strip()
        and not name.startswith(".")
        and name.isprintable()
        and not set(name) & set('/\\:*?"<>|')
    )


def _plain(word: str) -> str:
    return re.sub(r"[\s_,.-]+", " ", word).strip().casefold()


def read_people(lines: Sequence[Sequence[str]]) -> tuple[Person, ...]:
    """The people of a roster: the first column names the folder, the others (name, address, number) stand for it too.

    >>> read_people([["id", "name"], ["ada", "Ada Lovelace"]])
    (Person(student='ada', aliases=('Ada Lovelace',)),)
    """
    found = []
    for line in lines:
        words = [word.strip() for word in line]
        if words and words[0] and words[0].lower() not in _HEADINGS:
            if not _is_safe(words[0]):
                raise CourseError(f"the roster has {words[0]!r}, which cannot be the name of a folder")
            found.append(Person(words[0], tuple(word for word in words[1:] if word)))
    return tuple(found)


def _sort_out(found: Sequence[Found], known_as: Mapping[str, str]) -> Iterator[tuple[Collected, Found]]:
    """Each notebook with what is to become of it; of several for one place the newest is to be collected."""
    newest: dict[tuple[str, str, str], Found] = {}  # by student, assignment and name of the file
    whose = {}
    for one in found:
        student = known_as.get(_plain(one.who)) if known_as else one.who
        whose[one.place] = student
        if student is not None:
            place = (student, one.assignment, one.notebook + one.suffix)
            if place not in newest or (one.when, one.place) > (newest[place].when, newest[place].place):
                newest[place] = one
    for one in sorted(found, key=lambda one: (whose[one.place] or one.who, one.assignment, one.notebook, one.place)):
        student = whose[one.place]
        if student is None:
            status = "unknown student"
        else:
            status = "collected" if newest[student, one.assignment, one.notebook + one.suffix] is one else "duplicate"
        yield Collected(student or one.who, one.assignment, one.notebook, status, one.place, one.suffix), one


def _put(course: Course, row: Collected, text: bytes | None, *, replace: bool) -> Collected:
    """Write one notebook, aside and then in place."""
    if text is None:
        return row
    folder = course.submitted(row.student, row.assignment)
    path = folder / f"{row.notebook}{row.suffix}"
    status = row.status
    if path.is_symlink():
        raise CourseError(f"{path} is a link; remove it, and collect again")
    if path.exists():
        same = path.read_bytes() == text
        status = "unchanged" if same else "replaced" if replace else "kept"
    if status in ("collected", "replaced"):
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{path.name}.new"
        aside.write_bytes(text)
        aside.replace(path)
    return dataclasses.replace(row, status=status)


# --- where it comes from ----------------------------------------------------------------------------------------------

_Files = list[tuple[str, float, Callable[[], bytes]]]


def _files(source: Path, also: Sequence[str]) -> tuple[zipfile.ZipFile | None, _Files]:
    """Places of all files in the source, how new each is, and how to read it; with the archive that is to be closed."""
    if source.is_dir():
        return None, _in_folder(source)
    if not source.is_file():
        raise CourseError(f"there is no {source}; expected the zip that the platform exports, or a folder of notebooks")
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise CourseError(
            f"{source.name} is neither a folder nor a zip ({error}); export it from the platform anew"
        ) from error
    try:
        return archive, _in_zip(source, archive, also)
    except BaseException:
        archive.close()
        raise


def _in_folder(folder: Path) -> _Files:
    found: _Files = []
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise CourseError(f"{place} in {folder} is a link, which may lead anywhere; remove it, and collect again")
        if path.is_file():
            found.append((place, path.stat().st_mtime, partial(_read_file, path)))
    return found


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return _bounded(path.name, file.read(_MAX_FILE_BYTES + 1))


def _bounded(place: str, text: bytes) -> bytes:
    if len(text) > _MAX_FILE_BYTES:
        raise CourseError(f"{place} has more than {_MAX_FILE_BYTES >> 20} MiB; look at it by hand")
    return text


def _in_zip(source: Path, archive: zipfile.ZipFile, also: Sequence[str]) -> _Files:
    """The files of an archive, refused as a whole if anything in it is hostile."""
    entries = archive.infolist()
    problem = f"; {source.name} was refused and nothing collected. Look at it by hand, or take that submission out."
    if len(entries) > _MAX_FILES:
        raise CourseError(f"{len(entries)} entries, at most {_MAX_FILES} are taken{problem}")
    total = 0
    for entry in entries:
        name = entry.orig_filename.replace("\\", "/")
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
            raise CourseError(f"the entry {entry.orig_filename!r} leads out of the archive{problem}")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise CourseError(f"the entry {entry.filename!r} is a link{problem}")
        if entry.flag_bits & 0x1:
            raise CourseError(f"the entry {entry.filename!r} is encrypted{problem}")
        is_read = name.lower().endswith(_SUFFIX) or _meant(name, also) != ""
        if is_read and entry.file_size > _MAX_FILE_BYTES:
            raise CourseError(
                f"the entry {entry.filename!r} has {entry.file_size >> 20} MiB, "
                f"at most {_MAX_FILE_BYTES >> 20} are taken{problem}"
            )
        total += entry.file_size if is_read else 0
    if total > _MAX_TOTAL_BYTES:
        raise CourseError(f"{total >> 20} MiB to read, at most {_MAX_TOTAL_BYTES >> 20} are taken{problem}")

    def read(entry: zipfile.ZipInfo) -> bytes:
        try:
            with archive.open(entry) as file:
                return _bounded(entry.filename, file.read(_MAX_FILE_BYTES + 1))  # whatever size it claims
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
            raise CourseError(f"the entry {entry.filename!r} cannot be read ({error}){problem}") from error

    return [(entry.filename, _seconds(entry), partial(read, entry)) for entry in entries if not entry.is_dir()]


def _seconds(entry: zipfile.ZipInfo) -> float:
    """A number that grows with the time in an archive, which has no time zone."""
    number = 0
    for part, size in zip(entry.date_time, (10_000, 13, 32, 24, 60, 60), strict=True):
        number = number * size + part
    return float(number)
