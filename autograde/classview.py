"""A class at a glance, from its results: test by test, memory against ceiling, marks, what was slow, what crashed. Pure."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .types import Exit, Outcome, Report, Verdict, format_bytes, to_jsonable

__all__ = ["Dot", "Glance", "Mark", "TestLine", "glance", "marks_csv", "results_csv"]

#: Where the ceiling's tick stands, in percent of the width; a peak that is far beyond stands at the right end.
TICK = 60.0
#: A peak above this share of its ceiling is close to it: verify wants 1.5 times the worst accepted peak below the ceiling.
_CLOSE = 1 / 1.5
_MOST = 8


@dataclass(frozen=True, slots=True)
class Mark:
    """What the gradebook says of one submission, marks given by hand, extra credit and penalties included."""

    score: float
    max_score: float
    late_penalty: float
    waits_for_person: bool
    first_name: str = ""
    last_name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Dot:
    """One student's peak against the ceiling: `left` in percent of the width, `row` so that dots beside each other show."""

    left: float
    row: int
    sign: str
    label: str


@dataclass(frozen=True, slots=True)
class TestLine:
    """One test of a class."""

    __test__ = False

    notebook: str
    test: str
    passed: int
    total: int
    rest: str
    shares: tuple[tuple[str, float, float], ...]  # sign, percent, percent to the left
    ceiling: str | None
    dots: tuple[Dot, ...]
    doubt: str  # a ceiling that is too tight should be seen at once


@dataclass(frozen=True, slots=True)
class Place:
    """A test of a student: `number` and `anchor` lead to it."""

    number: int
    student: str
    test: str
    anchor: str
    words: str


@dataclass(frozen=True, slots=True)
class Glance:
    """What an instructor wants to know first."""

    tests: tuple[TestLine, ...]
    marks: tuple[tuple[str, int, float], ...]  # range of percent, submissions, share of the fullest
    mean_percent: float | None
    slowest: tuple[Place, ...]
    crashed: tuple[Place, ...]
    judge_errors: tuple[Place, ...]


def glance(
    reports: Sequence[Report],
    outcomes: Mapping[tuple[str, str, str], Outcome],
    *,
    order: Sequence[tuple[str, str]],
    anchors: Mapping[tuple[str, str], str],
    percents: Sequence[float],
) -> Glance:
    """The class as a whole. `order`: tests as (notebook, test); `anchors`: of tests; `percents`: of each submission."""
    places = [
        (Place(number, report.student, test.test, anchors[test.notebook, test.test], ""), test, report)
        for number, report in enumerate(reports, start=1)
        for test in report.tests
    ]
    timed = [(place, test) for place, test, _ in places if test.wall_seconds is not None]
    slow = sorted(timed, key=lambda pair: -(pair[1].wall_seconds or 0.0))[:_MOST]
    crashed = [
        _say(place, fact.problem.message if fact.problem else "")
        for place, test, report in places
        if (fact := outcomes.get((report.student, test.notebook, test.test))) is not None and fact.exit is Exit.DIED
    ]
    bins = Counter(min(int(percent // 10), 9) for percent in percents)
    fullest = max(bins.values(), default=1)
    return Glance(
        tests=tuple(_line(notebook, test, reports) for notebook, test in order),
        marks=tuple(
            (f"{10 * n} to {10 * n + 10} %", bins[n], 100.0 * bins[n] / fullest)
            for n in reversed(range(10))
            if percents
        ),
        mean_percent=sum(percents) / len(percents) if percents else None,
        slowest=tuple(
            _say(place, f"{test.wall_seconds:.1f} s") for place, test in slow if (test.wall_seconds or 0) >= 1.0
        ),
        crashed=tuple(crashed),
        judge_errors=tuple(_say(place, test.message) for place, test, _ in places if test.verdict is Verdict.JE),
    )


def _say(place: Place, words: str) -> Place:
    return Place(place.number, place.student, place.test, place.anchor, words[:300])


def _line(notebook: str, name: str, reports: Sequence[Report]) -> TestLine:
    mine = [
        (report.student, test)
        for report in reports
        for test in report.tests
        if (test.notebook, test.test) == (notebook, name) and report.status not in ("missing", "unreadable")
    ]
    signs = Counter(test.verdict.value if test.verdict else "person" for _, test in mine)
    shares: list[tuple[str, float, float]] = []
    left = 0.0
    for sign in (*Verdict, "person"):
        share = 100.0 * signs[sign] / max(len(mine), 1)
        if share:
            shares.append((str(sign), share, left))
        left += share
    measured = [(student, test) for student, test in mine if test.peak_bytes is not None and test.ceiling_bytes]
    ratios = [((test.peak_bytes or 0) / (test.ceiling_bytes or 1), student, test) for student, test in measured]
    ratios.sort(key=lambda entry: entry[:2])
    dots = tuple(
        Dot(
            left=min(TICK * ratio, 100.0),
            row=index % 5,
            sign=test.verdict.value if test.verdict else "person",
            label=f"{student}: {format_bytes(test.peak_bytes)} of {format_bytes(test.ceiling_bytes)}",
        )
        for index, (ratio, student, test) in enumerate(ratios)
    )
    close = sum(_CLOSE < ratio <= 1 for ratio, _, test in ratios if test.verdict is Verdict.AC)
    above = sum(1 < ratio < 1.25 for ratio, _, _ in ratios)
    doubts = [f"{close} accepted with more than two thirds of it"] * bool(close) + [f"{above} just above it"] * bool(
        above
    )
    ceilings = sorted({test.ceiling_bytes for _, test in measured if test.ceiling_bytes})
    return TestLine(
        notebook=notebook,
        test=name,
        passed=signs["AC"],
        total=len(mine),
        rest=", ".join(
            f"{signs[one.value]} {one.words}" for one in Verdict if one is not Verdict.AC and signs[one.value]
        ),
        shares=tuple(shares),
        ceiling=" or ".join(format_bytes(size) for size in ceilings) or None,
        dots=dots,
        doubt=", ".join(doubts),
    )


# --- tables -----------------------------------------------------------------------------------------------------------


def _plain(value: object) -> object:
    """A cell that no spreadsheet takes for a formula, whoever wrote it.

    >>> _plain("=1+1"), _plain(-1.5)
    ("'=1+1", -1.5)
    """
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows([{name: _plain(row.get(name)) for name in columns} for row in rows])
    return text.getvalue().encode("utf-8", "replace").decode()


def results_csv(reports: Sequence[Report]) -> str:
    """One row for each test of each student."""
    fields = ["student", "notebook", "test", "verdict", "points", "max_points", "peak_bytes", "ceiling_bytes"]
    fields += ["wall_seconds", "meter", "message"]
    return _csv(
        fields, [{"student": report.student, **to_jsonable(test)} for report in reports for test in report.tests]
    )


def marks_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """One row for each student, as a learning platform imports it."""
    fields = ["student", "first_name", "last_name", "email", "score", "max_score", "percent", "late_penalty", "status"]
    return _csv([*fields, "passed", "tests"], rows)
