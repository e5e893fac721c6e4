"""Teams: one hands in, and the result is copied to the members that its file team.yml names.

    members: [ada, bo]

An assignment is for teams if a team.yml lies beside its notebooks in source/: it is handed out with them, to be filled in.
Members are ids as in submitted/. Only people whom the course knows get a copy. Who has handed in work of their own keeps
that. Somebody who is named by two teams gets nothing from either, and both are told.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import yaml

from .course import Course

__all__ = ["FILE_NAME", "Team", "find_teams", "is_for_teams", "members_in"]

FILE_NAME = "team.yml"
_MAX_BYTES = 10_000
_MAX_MEMBERS = 12


@dataclass(frozen=True, slots=True)
class Team:
    """A submission that counts for several: who handed it in, who else gets the result, and what was noticed."""

    hands_in: str
    members: tuple[str, ...]  # without the one who hands in
    notes: tuple[str, ...] = ()


def is_for_teams(course: Course, assignment: str) -> bool:
    """Whether one may hand in `assignment` for several: its author has laid a team.yml beside the notebooks."""
    return (course.source(assignment) / FILE_NAME).is_file()


def members_in(text: str) -> tuple[str, ...]:
    """The ids in the text of a team.yml; a ValueError says what is expected.

    >>> members_in("members: [ada, 007]")
    ('ada', '007')
    """
    expected = "expected a line such as `members: [ada, bo]`"
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise ValueError(f"{expected}, without & and *")
        content = yaml.load(text, Loader=yaml.BaseLoader)  # texts stay texts: an id 007 is no number
    except yaml.YAMLError as error:
        raise ValueError(f"{expected}; this is not YAML") from error
    listed = content.get("members") if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, str) and one.strip() for one in listed):
        raise ValueError(expected)
    if len(listed) > _MAX_MEMBERS:
        raise ValueError(f"{expected}; at most {_MAX_MEMBERS} members, got {len(listed)}")
    return tuple(dict.fromkeys(one.strip() for one in listed))


def find_teams(course: Course, assignment: str, *, known: Collection[str]) -> dict[str, Team]:
    """The teams of an assignment, by who hands in. `known` are the ids that exist in the course.

    Never raises for what students wrote: what cannot be read is a note.
    """
    handed_in = {one for one in course.students(assignment) if any(course.submitted(one, assignment).glob("*.ipynb"))}
    wanted: dict[str, tuple[str, ...]] = {}
    notes: dict[str, list[str]] = {}
    for student in sorted(handed_in):
        path = course.submitted(student, assignment) / FILE_NAME
        if not path.exists() and not path.is_symlink():
            continue
        wanted[student], notes[student] = (), []
        if not is_for_teams(course, assignment):
            notes[student].append(f"{FILE_NAME} does not count here: {assignment} is not for teams.")
            continue
        try:
            if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
                raise ValueError("expected a small text file")
            named = members_in(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:  # a text that is not UTF-8 is a ValueError, too
            notes[student].append(f"{FILE_NAME} was not understood, so nobody else gets this result: {error}.")
            continue
        others = [one for one in named if one != student]
        strangers = [one for one in others if one not in known]
        own = [one for one in others if one in handed_in]
        notes[student] += [f"{FILE_NAME} names {one!r}, whom this course does not know." for one in strangers]
        notes[student] += [f"{one} has handed in work of their own, which counts for them." for one in own]
        wanted[student] = tuple(one for one in others if one not in strangers and one not in own)
    found = {}
    for student, others_of in wanted.items():
        twice = [one for one in others_of if sum(one in names for names in wanted.values()) > 1]
        notes[student] += [f"{one} is named by another team, too, and gets neither result: settle it." for one in twice]
        members = tuple(one for one in others_of if one not in twice)
        found[student] = Team(student, members, tuple(notes[student]))
    return found
