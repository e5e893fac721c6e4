"""A class as static pages: one table of students and tests, and a page for each student.

Everything that comes from a submission is untrusted, student ids included: it becomes text, never markup. The pages load
nothing; the one script, ours, sorts the table, and a Content-Security-Policy lets the browser run no other. Equal facts
give equal pages, byte for byte. Beside them: results.csv, results.json, and marks.csv for a learning platform.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jinja2

from .chart import chunk_chart, memory_chart
from .classview import TICK, Glance, Mark, glance, marks_csv, results_csv
from .errors import CourseError
from .explain import summarize
from .types import Line, Measurement, Outcome, Report, Status, TestResult, Touched, Verdict, format_bytes, to_jsonable

__all__ = ["write_report"]

_NO_OUTCOMES: Mapping[tuple[str, str, str], Outcome] = MappingProxyType({})
_NO_MARKS: Mapping[str, Mark] = MappingProxyType({})
_NO_LINKS: Mapping[str, Sequence[tuple[str, str]]] = MappingProxyType({})
_TEST_NAME = re.compile(r"test_(.+?)(?:_(memory|hidden))?")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")  # colours of IPython's tracebacks
#: Control characters as visible signs; half of a surrogate pair cannot be written as UTF-8 at all.
_VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | dict.fromkeys(
    (0x7F, *range(0x80, 0xA0), *range(0xD800, 0xE000)), 0xFFFD
)
#: A text longer than this is cut: one student must not make the page too heavy to open.
_LONGEST_TEXT = 40_000

_PERSON = "left for a person"
#: What each sign means, in the order of the legend; the keys name the shapes in signs.j2 and the colours in style.j2.
_LEGEND = (
    ("AC", Verdict.AC.words, "the right answer, within memory and time"),
    ("WA", Verdict.WA.words, "it ran, but the result is not the expected one"),
    ("MLE", Verdict.MLE.words, "more memory held than the ceiling, or the memory was not observed"),
    ("TLE", Verdict.TLE.words, "not ready when the time was over"),
    ("RTE", Verdict.RTE.words, "the student's code stopped with an exception or died"),
    ("NS", Verdict.NS.words, "the cell is as it was handed out, or empty"),
    ("JE", Verdict.JE.words, "the judge itself failed, which costs nothing: someone has to look"),
    ("person", _PERSON, "cannot be judged by a machine"),
)


#: What can become of a submission, in the order of the summary: how a row says it, how the summary counts it.
_COMPLETE, _MEND, _JUDGE = "complete", "something to mend", "the judge failed"
_STATES = {
    _COMPLETE: _COMPLETE,
    _MEND: f"with {_MEND}",
    "unreadable": "unreadable",
    "missing": "missing",
    _JUDGE: f"where {_JUDGE}",
    _PERSON: _PERSON,
}


@dataclass(frozen=True, slots=True)
class _Column:
    """One test. `part` is None where the test's name says nothing of an exercise."""

    notebook: str
    test: str
    exercise: str
    part: str | None


@dataclass(frozen=True, slots=True)
class _Bar:
    """Peak against ceiling: `filled` in percent of the bar, None where no peak was observed."""

    filled: float | None
    over: bool
    beyond: bool  # the peak does not fit into the bar
    label: str


@dataclass(frozen=True, slots=True)
class _Cell:
    anchor: str
    column: _Column
    result: TestResult
    sign: str
    words: str
    bar: _Bar | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class _Row:
    number: int  # names the student's page, because an id must not
    report: Report
    state: str
    total: str
    percent: float | None
    across: str | None  # said instead of the cells
    cells: tuple[_Cell | None, ...]
    links: Sequence[tuple[str, str]] = ()  # (notebook, address) of the student's feedback


@dataclass(frozen=True, slots=True)
class _Exercise:
    """How a class did on one exercise: `shares` are (sign, students, percent, percent to the left)."""

    name: str
    notebook: str
    text: str
    shares: tuple[tuple[str, int, float, float], ...]


@dataclass(frozen=True, slots=True)
class _Stumble:
    """One message and who met it where."""

    message: str
    rows: tuple[_Row, ...]
    tests: tuple[str, ...]
    sign: str


def write_report(
    out: Path,
    reports: Sequence[Report],
    *,
    title: str,
    outcomes: Mapping[tuple[str, str, str], Outcome] = _NO_OUTCOMES,
    marks: Mapping[str, Mark] = _NO_MARKS,
    links: Mapping[str, Sequence[tuple[str, str]]] = _NO_LINKS,
    practice: bool = False,
) -> Path:
    """Write `out/index.html` and `out/students/<n>.html`, n counted from 1 in the order of `reports`, and the tables.

    `outcomes` holds the facts by (student, notebook, test): charts, lines, tracebacks and output come from there. `marks`
    are those of the gradebook, by student, `links` lead to feedback as (notebook, address). `practice` shows no
    points. The pages are made in a folder beside `out` that then takes its place: an earlier report
    stays until the new one is complete. Raises `CourseError` when `out` holds something else than a report.
    Returns the path of index.html.
    """
    place = out.resolve()
    _refuse_foreign(place)
    pages = _pages(reports, title=title, outcomes=outcomes, marks=marks, links=links, practice=practice)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as scratch:
        new, old = Path(scratch, "new"), Path(scratch, "old")
        for name, text in pages:
            path = new / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        if place.exists():
            place.rename(old)
        try:
            new.rename(place)
        except BaseException:
            if old.exists():
                old.rename(place)
            raise
    return out / "index.html"


def _refuse_foreign(place: Path) -> None:
    """Refuse to replace anything that this module did not write."""
    if not place.exists():
        return
    ours = re.compile(r"index\.html|results\.(csv|json)|marks\.csv|students(/\d+\.html)?|(.*/)?\.DS_Store")
    names = (path.relative_to(place).as_posix() for path in place.rglob("*")) if place.is_dir() else iter([place.name])
    foreign = next((name for name in names if place.is_file() or not ours.fullmatch(name)), None)
    if foreign is not None:
        raise CourseError(
            f"expected a new folder or an earlier report at {place}, found {foreign!r} there; "
            "name another folder; nothing was written"
        )


def _pages(
    reports: Sequence[Report],
    *,
    title: str,
    outcomes: Mapping[tuple[str, str, str], Outcome],
    marks: Mapping[str, Mark],
    links: Mapping[str, Sequence[tuple[str, str]]],
    practice: bool,
) -> Iterator[tuple[str, str]]:
    """Every page as (name, text), the index last."""
    columns = _columns(reports)
    rows = [
        replace(
            _row(number, report, columns, outcomes=outcomes, mark=marks.get(report.student), practice=practice),
            links=links.get(report.student, ()),
        )
        for number, report in enumerate(reports, start=1)
    ]
    yield "results.csv", results_csv(reports)
    jsonable = json.dumps([to_jsonable(report) for report in reports], indent=2, ensure_ascii=False)
    yield "results.json", jsonable.encode("utf-8", "replace").decode() + "\n"
    yield "marks.csv", marks_csv([_mark_row(row, marks.get(row.report.student), practice=practice) for row in rows])
    common = {"title": title, "practice": practice}
    student = _templates().get_template("student.html.j2")
    for row, before, after in zip(rows, [None, *rows], [*rows[1:], None], strict=False):
        yield f"students/{row.number}.html", student.render(common, row=row, before=before, after=after)
    assignments = list(dict.fromkeys(report.assignment for report in reports))
    yield (
        "index.html",
        _templates()
        .get_template("index.html.j2")
        .render(
            common,
            rows=rows,
            columns=columns,
            assignments=assignments,
            notebooks=_spans([column.notebook for column in columns]),
            exercises=_spans([(column.notebook, column.exercise, column.part is None) for column in columns]),
            summary=_summary(rows),
            per_exercise=_per_exercise(rows, columns),
            stumbles=_stumbles(rows),
            glance=_glance(reports, columns, rows, outcomes),
            script=(script := _script()),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            legend=_LEGEND,
            sandboxes=Counter(report.sandbox or "none" for report in reports if report.tests).most_common(),
            meters=Counter(test.meter for report in reports for test in report.tests if test.meter).most_common(),
        ),
    )


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("autograde"),
        autoescape=True,
        finalize=_visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cut": _cut, "spans": _code_spans, "chart": _chart_uri, "place": _line_place}
    environment.filters |= {"points": _points, "summarize": summarize}
    environment.globals |= {"tick": TICK}
    return environment


@functools.cache
def _script() -> str:
    """Our own script, which sorts the table."""
    environment = _templates()
    assert environment.loader is not None
    return environment.loader.get_source(environment, "sort.js")[0].strip()


def _glance(
    reports: Sequence[Report],
    columns: Sequence[_Column],
    rows: Sequence[_Row],
    outcomes: Mapping[tuple[str, str, str], Outcome],
) -> Glance:
    order = [(column.notebook, column.test) for column in columns]
    return glance(
        reports,
        outcomes,
        order=order,
        anchors={name: f"t{index}" for index, name in enumerate(order, start=1)},
        percents=[row.percent for row in rows if row.percent is not None],
    )


def _mark_row(row: _Row, mark: Mark | None, *, practice: bool) -> dict[str, object]:
    """What a learning platform is told of a student; without points in practice."""
    report = row.report
    told: dict[str, object] = {
        "student": report.student,
        "status": row.state,
        "passed": sum(test.verdict is Verdict.AC for test in report.tests),
        "tests": len(report.tests),
    }
    if practice:
        return told
    score, max_score = (report.score, report.max_score) if mark is None else (mark.score, mark.max_score)
    told |= {"score": score, "max_score": max_score, "percent": None if row.percent is None else round(row.percent, 1)}
    if mark is not None:
        names = {"first_name": mark.first_name, "last_name": mark.last_name, "email": mark.email}
        told |= {**names, "late_penalty": mark.late_penalty}
    return told


def _visible(value: Any) -> Any:
    """Text that can be written and shown: no colours of a terminal, control characters as signs."""
    return _ANSI.sub("", value).translate(_VISIBLE) if type(value) is str else value


def _cut(text: str, longest: int = _LONGEST_TEXT) -> str:
    """The start of a text, and how much was left out.

    >>> _cut("abcdef", 4)
    'abcd … (2 more characters)'
    """
    return text if len(text) <= longest else f"{text[:longest]} … ({len(text) - longest} more characters)"


def _code_spans(text: str) -> list[tuple[bool, str]]:
    """A message in pieces (is code, text), by its backticks; markup is left to the template, which escapes.

    >>> _code_spans("line `x = 1` of")
    [(False, 'line '), (True, 'x = 1'), (False, ' of')]
    """
    pieces = re.split(r"`([^`\n]+)`", text)
    return [(index % 2 == 1, piece) for index, piece in enumerate(pieces) if piece]


def _chart_uri(facts: Measurement | Touched) -> str:
    """Their chart as an image: an SVG in an image runs no script and loads nothing."""
    svg = (memory_chart(facts) if isinstance(facts, Measurement) else chunk_chart(facts)).translate(_VISIBLE)
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _line_place(line: Line) -> str:
    """Where a line is: "Line 4 of `convert`, in cell `solution`"."""
    function = f" of `{line.function}`" if line.function else ""
    return f"Line {line.number}{function}" + (f", in cell `{line.cell}`" if line.cell else "")


def _points(points: float | None, max_points: float | None) -> str:
    """Points as people write them: "2.5 of 4"; None is not zero.

    >>> _points(2.5, 4.0), _points(None, 4.0), _points(None, None)
    ('2.5 of 4', 'not marked, of 4', 'not marked')
    """
    if max_points is None:
        return "not marked" if points is None else f"{points:g}"
    return f"{'not marked,' if points is None else format(points, 'g')} of {max_points:g}"


def _columns(reports: Sequence[Report]) -> tuple[_Column, ...]:
    """The tests of all submissions, those of one notebook and of one exercise side by side, else as they first appear."""
    found: dict[str, dict[str, dict[str, _Column]]] = {}
    for test in (test for report in reports for test in report.tests):
        column = _column(test)
        found.setdefault(column.notebook, {}).setdefault(column.exercise, {}).setdefault(column.test, column)
    order = {None: 0, "shown": 1, "memory": 2, "hidden": 3}
    return tuple(
        column
        for exercises in found.values()
        for tests in exercises.values()
        for column in sorted(tests.values(), key=lambda column: order[column.part])
    )


def _column(test: TestResult) -> _Column:
    match = _TEST_NAME.fullmatch(test.test)
    if match is None:
        return _Column(test.notebook, test.test, test.test, None)
    return _Column(test.notebook, test.test, match[1], match[2] or "shown")


def _spans(values: Sequence[Any]) -> list[tuple[Any, int]]:
    """Equal neighbours as (value, how many), for the cells of a header.

    >>> _spans(["a", "a", "b"])
    [('a', 2), ('b', 1)]
    """
    spans: list[tuple[Any, int]] = []
    for value in values:
        if spans and spans[-1][0] == value:
            spans[-1] = (value, spans[-1][1] + 1)
        else:
            spans.append((value, 1))
    return spans


def _row(
    number: int,
    report: Report,
    columns: Sequence[_Column],
    *,
    outcomes: Mapping[tuple[str, str, str], Outcome],
    mark: Mark | None,
    practice: bool,
) -> _Row:
    results = {_column(test): test for test in report.tests}
    cells = tuple(
        _cell(f"t{index}", column, results[column], outcomes.get((report.student, column.notebook, column.test)))
        if column in results
        else None
        for index, column in enumerate(columns, start=1)
    )
    state = _state(report)
    across = None
    if not report.tests:
        across = report.message or "No test was judged."
    if practice:
        total = "✓" if state == _COMPLETE else "not yet"
        return _Row(number, report, state, total, None, across, cells)
    score, max_score = (report.score, report.max_score) if mark is None else (mark.score, mark.max_score)
    waits = state in (_JUDGE, _PERSON) if mark is None else mark.waits_for_person
    if mark is not None and not waits and state == _PERSON:
        # a project has marks, and no tests
        state = _COMPLETE if {test.verdict for test in report.tests} <= {Verdict.AC} else _MEND
    total = _points(score, max_score) + (" so far" if score is not None and waits else "")
    percent = None if score is None or not max_score or state == "missing" else 100.0 * score / max_score
    return _Row(number, report, state, total, percent, across, cells)


def _state(report: Report) -> str:
    """What became of a submission; without a single test nothing is complete."""
    by_status = {
        Status.UNREADABLE: "unreadable",
        Status.MISSING: "missing",
        Status.JUDGE_ERROR: _JUDGE,
        Status.MANUAL: _PERSON,
    }
    verdicts = {test.verdict for test in report.tests}
    if report.status in by_status:
        return by_status[report.status]
    if Verdict.JE in verdicts or None in verdicts:
        return _PERSON
    return _COMPLETE if verdicts == {Verdict.AC} else _MEND


def _cell(anchor: str, column: _Column, test: TestResult, outcome: Outcome | None) -> _Cell:
    sign, words = (test.verdict.value, test.verdict.words) if test.verdict else ("person", _PERSON)
    return _Cell(anchor, column, test, sign, words, _bar(test, outcome), outcome)


def _bar(test: TestResult, outcome: Outcome | None) -> _Bar | None:
    """The bar of a test that has a ceiling. A peak at which the meter stopped the code is a lower bound, and says so."""
    if test.ceiling_bytes is None:
        return None
    ceiling = format_bytes(test.ceiling_bytes)
    if test.peak_bytes is None:
        return _Bar(None, over=False, beyond=False, label=f"not observed, of {ceiling}")
    stopped = outcome is not None and any(
        block.stopped and block.peak_bytes == test.peak_bytes for block in outcome.blocks
    )
    peak = format_bytes(test.peak_bytes)
    number, unit = peak.split(" ", 1)
    filled = TICK * test.peak_bytes / test.ceiling_bytes
    return _Bar(
        min(filled, 100.0),
        over=stopped or test.peak_bytes > test.ceiling_bytes,
        beyond=filled > 100.0,
        label=f"{'at least ' if stopped else ''}{number if ceiling.endswith(' ' + unit) else peak} of {ceiling}",
    )


def _summary(rows: Sequence[_Row]) -> str:
    """One line, such as "9 submissions: 2 complete, 6 with something to mend, 1 missing"."""
    counts = Counter(row.state for row in rows)
    parts = [f"{counts[state]} {words}" for state, words in _STATES.items() if counts[state]]
    return f"{len(rows)} submission{'' if len(rows) == 1 else 's'}{': ' if parts else ''}{', '.join(parts)}"


def _per_exercise(rows: Sequence[_Row], columns: Sequence[_Column]) -> list[_Exercise]:
    """How far the class is: who is through with every test of an exercise; the others by the first that stopped them."""
    exercises: dict[tuple[str, str], list[int]] = {}
    for index, column in enumerate(columns):
        exercises.setdefault((column.notebook, column.exercise), []).append(index)
    return [_exercise(name, notebook, indices, rows) for (notebook, name), indices in exercises.items()]


def _exercise(name: str, notebook: str, indices: Sequence[int], rows: Sequence[_Row]) -> _Exercise:
    signs: Counter[str] = Counter()
    for row in rows:
        met = [cell.sign for cell in (row.cells[index] for index in indices) if cell is not None]
        if met:
            signs[next((sign for sign in met if sign != "AC"), "AC")] += 1
    total = signs.total()
    rest = ", ".join(f"{signs[sign]} {words}" for sign, words, _ in _LEGEND if sign != "AC" and signs[sign])
    shares: list[tuple[str, int, float, float]] = []
    left = 0.0
    for sign, _, _ in _LEGEND:
        share = 100.0 * signs[sign] / total
        if share:
            shares.append((sign, signs[sign], share, left))
        left += share
    return _Exercise(name, notebook, f"{signs['AC']} of {total} through{'; ' if rest else ''}{rest}", tuple(shares))


def _stumbles(rows: Sequence[_Row]) -> list[_Stumble]:
    """Messages of tests that were not accepted, those that most students met first."""
    met: dict[str, list[tuple[_Row, _Cell]]] = {}
    for row in rows:
        for cell in row.cells:
            if cell is not None and cell.sign != "AC" and cell.result.message:
                met.setdefault(cell.result.message, []).append((row, cell))
    stumbles = [
        _Stumble(
            message,
            rows=tuple({row.number: row for row, _ in places}.values()),
            tests=tuple(dict.fromkeys(cell.column.test for _, cell in places)),
            sign=places[0][1].sign,
        )
        for message, places in met.items()
    ]
    return sorted(stumbles, key=lambda stumble: -len(stumble.rows))
