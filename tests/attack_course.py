"""A tiny course for the attacks of tests/attacks, and what becomes of each in it.

An attack is a Python file: its docstring says what it tries, EXERCISE which exercise it answers, EXPECT the verdict that
it must have, CODE the text of the solution cell, where the function is called `task`. ALONE: a submission of its own,
because it changes its process or its notebook (`mutate(book, folder)`); all others are exercises of one submission. FENCED:
promised in the bubblewrap sandbox only. NBGRADER: can run in plain nbgrader, too.
"""

from __future__ import annotations

import re
import runpy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

import toys

from autograde.cohort import Judged, grade
from autograde.course import Course
from autograde.release import release
from autograde.types import Status

FOLDER = Path(__file__).parent / "attacks"
MIB = 2**20
ALONE, TOGETHER = "alone", "together"
HONEST = MappingProxyType({"ada-right": 14.0, 'ben o\'wrong "名前"': 0.0})

CONFIG = """
c.CourseSettings.test_seconds = c.CourseSettings.cell_seconds = 5
c.CourseSettings.limits = {
    "memory_bytes": "512 MiB", "disk_bytes": "128 MiB", "files": 3000, "file_bytes": "128 MiB", "output_bytes": "2 MiB",
    "processes": 160, "cpu_seconds": 30,
}
"""
SETUP = """\
import json
import os
import tempfile
from pathlib import Path

import numpy as np
import zarr

from autograde import ceiling

MIB = 2**20"""
#: Further down: libraries and what comes with them look for others that may not be installed.
SETUP_LATER = """\
try:
    import a_library_that_may_be_missing
except ImportError:
    pass"""
#: By name: a right answer, and the test of it.
EXERCISES = {
    "double": (
        "def double(values):\n    return 2 * values",
        "assert double(3) == 6\n### BEGIN HIDDEN TESTS\nassert double(-17) == -34\n### END HIDDEN TESTS",
    ),
    "count": (
        "def count(n_mib):\n    return sum(int(np.ones(MIB, np.uint8).sum()) for _ in range(n_mib))",
        'with ceiling("16 MiB", data="48 MiB"):\n    total = count(48)\nassert total == 48 * MIB',
    ),
    "give": ("def give():\n    return np.array([3, 1, 4])", "np.testing.assert_array_equal(give(), [3, 1, 4])"),
    "save": (
        "def save(path):\n    zarr.create_array(path, shape=(100,), chunks=(10,), dtype='uint8')[:] = np.arange(100)",
        "place = Path(tempfile.mkdtemp()) / 'a.zarr'\nsave(place)\nsaved = zarr.open_array(place, mode='r')\n"
        "assert saved.shape == (100,)\nfor _ in range(20):\n    np.testing.assert_array_equal(saved[:], np.arange(100))",
    ),
    "store": (
        "def store(path, n_mib):\n    out = np.lib.format.open_memmap(path, 'w+', np.uint8, (n_mib * MIB,))\n"
        "    for n in range(n_mib):\n        out[n * MIB : (n + 1) * MIB] = 1\n    out.flush()",
        'place = Path(tempfile.mkdtemp()) / \'a.npy\'\nwith ceiling("16 MiB", data="48 MiB"):\n    store(place, 48)\n'
        "stored = np.load(place, mmap_mode='r')\nassert stored.shape == (48 * MIB,)\nassert (stored == 1).all()",
    ),
    "copied": (
        "def copied():\n    return 13",
        "assert copied() == json.loads(Path('expected.json').read_text())",
    ),
    "answer": (
        "def answer():\n    return 'the secret is ' + '4711'",
        "assert isinstance(answer(), (str, type(None)))\n"
        "### BEGIN HIDDEN TESTS\nassert answer() == 'the secret is 4711'\n### END HIDDEN TESTS",
    ),
}


@dataclass(frozen=True, slots=True)
class Attack:
    """One file of the corpus."""

    name: str
    words: str
    exercise: str
    expect: tuple[str, ...]  # one of these verdicts; which of two limits comes first is a matter of the machine
    code: str
    alone: bool
    fenced: bool
    nbgrader: bool
    mutate: Callable[[Any, Path], Any] | None

    def answer(self, function: str) -> str:
        """The text of the solution cell where the function is called `function`."""
        return re.sub(r"\btask\b", function, self.code)


def corpus() -> list[Attack]:
    """All attacks, by name."""
    found = []
    for path in sorted(FOLDER.glob("a[0-9]*.py")):
        space = runpy.run_path(str(path))
        found.append(
            Attack(
                name=path.stem,
                words=str(space["__doc__"]),
                exercise=space["EXERCISE"],
                expect=tuple(space["EXPECT"].split(" or ")),
                code=space["CODE"],
                alone=bool(space.get("ALONE")),
                fenced=bool(space.get("FENCED")),
                nbgrader=bool(space.get("NBGRADER")),
                mutate=space.get("mutate"),
            )
        )
    return found


def exercise(kind: str, name: str) -> list[Any]:
    """Solution and test cell of an exercise of a kind, where the function is called `name`."""
    answer, test = (re.sub(rf"\b{kind}\(", f"{name}(", text) for text in EXERCISES[kind])
    return [
        toys.solution(name, f"### BEGIN SOLUTION\n{answer}\n### END SOLUTION"),
        toys.test(f"test_{name}", test, 2),
    ]


def source_of(names: Sequence[tuple[str, str]]) -> Any:
    """A notebook with these exercises: (kind, name of the function)."""
    cells = [exercise(kind, name) for kind, name in names]
    later = [toys.setup(SETUP_LATER, "setup_later")]
    return toys.book(toys.setup(SETUP), *chain(*cells[:-1], later, *cells[-1:]))


def build(root: Path, attacks: Sequence[Attack]) -> tuple[Course, Any]:
    """A course: assignment `alone` has a submission for each attack that is one, and honest ones; `together` has one."""
    alone = source_of([(kind, kind) for kind in EXERCISES])
    together = source_of([(one.exercise, one.name) for one in attacks if not one.alone])
    toys.write_course(root, {"exercise": alone}, mode="graded", more=CONFIG, name=ALONE)
    course = toys.write_course(root, {"exercise": together}, mode="graded", more=CONFIG, name=TOGETHER)
    for name in (ALONE, TOGETHER):
        (course.source(name) / "expected.json").write_text("13")
        release(course, name)
    right = {kind: answer for kind, (answer, _) in EXERCISES.items()}
    stub = dict.fromkeys(right, "raise NotImplementedError()")
    for student, points in HONEST.items():
        answers = right if points else {kind: f"def {kind}(*args):\n    return None" for kind in right}
        toys.hand_in(course, student, toys.answered(alone, answers), assignment=ALONE)
    for one in attacks:
        if not one.alone:
            continue
        book = toys.answered(alone, stub | {one.exercise: one.answer(one.exercise)})
        folder = course.submitted(one.name, ALONE)
        folder.mkdir(parents=True)
        damage = one.mutate(book, folder) if one.mutate else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nbformat's, about cells that are there twice
            path = toys.hand_in(course, one.name, book, assignment=ALONE)
        if damage is not None:
            damage(path)
    answers = {one.name: one.answer(one.name) for one in attacks if not one.alone}
    toys.hand_in(course, "mallory", toys.answered(together, answers), assignment=TOGETHER)
    return course, together


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an attack."""

    attack: Attack
    got: str
    points: float
    message: str

    @property
    def held(self) -> bool:
        """Whether it came out as it must."""
        return self.got in self.attack.expect and (self.points == 0 or self.attack.expect == ("AC",))


def run(
    course: Course,
    attacks: Sequence[Attack],
    *,
    sandbox: str | None = None,
    told: Callable[[Judged, int], None] = lambda judged, total: None,
) -> tuple[list[Result], dict[str, float]]:
    """The results of the attacks, and the scores of the honest students in the class that has them all."""
    reports = {one.report.student: one.report for one in grade(course, ALONE, sandbox=sandbox, told=told)}
    if any(not one.alone for one in attacks):
        reports["mallory"] = grade(course, TOGETHER, sandbox=sandbox, told=told)[0].report
    results = []
    for one in attacks:
        report = reports[one.name if one.alone else "mallory"]
        test = f"test_{one.exercise if one.alone else one.name}"
        result = next(result for result in report.tests if result.test == test)
        verdict = "JE" if report.status is Status.JUDGE_ERROR else str(result.verdict)
        results.append(Result(one, verdict, result.points or 0.0, result.message))
    return results, {student: reports[student].score or 0.0 for student in HONEST}
