"""The values that the autograder is made of: frozen, with units in their names, and as JSON.

Facts (`Outcome`, `Measurement`) are what was observed; a `TestResult` is what we think of it. Facts are kept apart, so
that judging again never means running again.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import operator
import re
from dataclasses import dataclass, field
from typing import Any, SupportsIndex, TypeVar

from .errors import CourseError

__all__ = [
    "FORGIVEN_PART",
    "NOISE_BYTES",
    "SCHEMA_VERSION",
    "STREAMING_PER_BYTE",
    "Allocation",
    "ChunkGrid",
    "Growth",
    "Kept",
    "Line",
    "Measurement",
    "Outcome",
    "Problem",
    "Report",
    "SizeError",
    "Status",
    "TestResult",
    "Touched",
    "Verdict",
    "format_bytes",
    "format_two",
    "from_json",
    "parse_bytes",
    "printable",
    "to_json",
    "to_jsonable",
    "whole",
]

#: Version of the facts on disk; raised when a field changes its meaning.
SCHEMA_VERSION = 1

KIB, MIB, GIB, TIB = 2**10, 2**20, 2**30, 2**40
#: Growth of a peak by less than this cannot be told from what libraries keep and threads leave behind.
NOISE_BYTES = 16 * MIB
#: One part in so many of a ceiling is forgiven for what libraries hold when a block begins.
FORGIVEN_PART = 4
#: Bytes of memory for each byte of data more, up to which code counts as streaming.
STREAMING_PER_BYTE = 0.2
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": KIB, "MIB": MIB, "GIB": GIB, "TIB": TIB}
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)\s*")

#: Half a character of UTF-16, which no file and no terminal takes.
_HALF = re.compile(r"[\ud800-\udfff]")
#: What a terminal would obey, and what turns the order of letters round: control characters but for tab and line feed.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

T = TypeVar("T")
_ADAPTERS: dict[Any, Any] = {}


def parse_bytes(size: str | SupportsIndex) -> int:
    """Number of bytes in a size such as "64 MiB", "1.5 GB" or a plain positive integer.

    KiB, MiB, GiB, TiB are powers of 1024, kB, MB, GB, TB of 1000. Raises `CourseError` (a `ValueError` too) for
    anything else, negative and zero sizes included.

    >>> parse_bytes("64 MiB"), parse_bytes("1.5 kB"), parse_bytes(4096)
    (67108864, 1500, 4096)
    """
    if hasattr(size, "__index__") and not isinstance(size, bool):  # numpy's integers, too
        number = operator.index(size)
    else:
        match = _SIZE.fullmatch(size) if isinstance(size, str) else None
        unit = _UNITS.get(match[2].upper()) if match else None
        if match is None or unit is None:
            raise SizeError(f"expected a size such as '64 MiB' or '1.5 GB', got {size!r}")
        number = round(float(match[1]) * unit)
    if number <= 0:
        raise SizeError(f"expected a size above zero such as '64 MiB', got {size!r}")
    return number


def whole(text: str) -> str:
    """The text without halves of characters, which JSON can hold and no file can: for texts of a submission.

    >>> whole("a\\ud800b"), whole("\\ud83d\\ude00") == "\\U0001f600"
    ('a\ufffdb', True)
    """
    if not _HALF.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def printable(text: str) -> str:
    """The text as it can be shown anywhere, a terminal included: control characters stand there as such.

    >>> printable("\\x1b[2Jgone\\tand\\r\\n")
    '\u241b[2Jgone\\tand\\n'
    """
    plain = whole(text).replace("\r\n", "\n")
    return _CONTROL.sub(lambda found: chr(0x2400 + ord(found[0])) if found[0] < " " else "\ufffd", plain)


class SizeError(CourseError, ValueError):
    """A text that is not a size."""


def format_bytes(number: float | None, *, more_digits: int = 0) -> str:
    """A size for people, in the binary unit that leaves one to four digits before the point.

    >>> format_bytes(67108864), format_bytes(1.5 * 2**30), format_bytes(None)
    ('64 MiB', '1.50 GiB', 'not observed')
    """
    if number is None:
        return "not observed"
    if abs(number) < 0.95 * KIB:
        return f"{number:.0f} B"
    for unit, name in ((TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if abs(number) >= 0.95 * unit or unit == KIB:
            value = number / unit
            if abs(value - round(value)) < 0.005 * 0.1**more_digits:
                return f"{value:.0f} {name}"
            digits = 0 if abs(value) >= 10 else (1 if abs(value) >= 3 else 2)
            return f"{value:.{digits + more_digits}f} {name}"
    raise AssertionError("unreachable")


def format_two(first: float | None, second: float | None) -> tuple[str, str]:
    """Two sizes that stand beside each other, with as many digits as it takes to tell them apart.

    >>> format_two(67528294, 67108864), format_two(67109000, 67108864), format_two(67108864, 67108864)
    (('64.4 MiB', '64 MiB'), ('64.0001 MiB', '64 MiB'), ('64 MiB', '64 MiB'))
    """
    for more_digits in range(8):
        told = format_bytes(first, more_digits=more_digits), format_bytes(second, more_digits=more_digits)
        if None in (first, second) or first == second or _value(told[0]) != _value(told[1]):
            break
    return told


def _value(text: str) -> tuple[float, str]:
    number, unit = text.split()
    return float(number), unit


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the student's own code: where something happened."""

    cell: str | None  # grade_id of the cell, or None where it is not known (a kernel does not tell)
    number: int  # counted from 1 within the cell
    text: str
    function: str | None  # the function that the line is in, None at the top of the cell


@dataclass(frozen=True, slots=True)
class Allocation:
    """Memory held at the peak, by the function that asked for it (from memray)."""

    bytes: int
    function: str
    file: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An array that a name in a notebook keeps, and the cell that made it."""

    name: str
    bytes: int
    cell: int | None  # the number that JupyterLab shows beside the cell; None where it is not known
    line: str = ""


@dataclass(frozen=True, slots=True)
class Growth:
    """A run on less data, which a run on more data is compared with."""

    small_peak_bytes: int
    small_data_bytes: int
    at_most: float  # bytes of memory per byte of data that the peak may grow by


@dataclass(frozen=True, slots=True)
class ChunkGrid:
    """How often the chunks of one array were read and written, by their place in the grid."""

    name: str
    shape: tuple[int, ...]  # chunks along each axis
    read: dict[str, int]  # by place: {"0.3.1": 2}
    written: dict[str, int]


@dataclass(frozen=True, slots=True)
class Touched:
    """What a block read and wrote below one folder."""

    words: str
    grids: tuple[ChunkGrid, ...] = ()  # of the first few arrays, where they are not too large to be drawn


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a meter saw of one block of code. Bytes are held memory above the baseline, unless the name says otherwise."""

    meter: str
    peak_bytes: int | None  # None: not observed, which is never a pass
    ceiling_bytes: int | None  # None: measured only
    wall_seconds: float
    baseline_bytes: int | None = None  # absolute
    before_bytes: int | None = None  # held above the baseline when the block began: left over from earlier cells
    shared_bytes: int | None = None  # of the peak, in shared memory
    child_bytes: int | None = None  # of the peak, in child processes
    stopped: bool = False  # ended by the meter at the limit, so the peak is a lower bound
    line: Line | None = None  # the student's line that ran when the peak was reached
    allocations: tuple[Allocation, ...] = ()
    leftovers: tuple[tuple[str, int], ...] = ()  # names in the notebook and the bytes that they hold
    predicted_bytes: int | None = None
    data_bytes: int | None = None  # size of the data that was worked on, where the author says it
    available_bytes: int | None = None  # memory of the machine that was free when the block began
    growth: Growth | None = None  # the same code on less data, where a slope was asked for
    samples: tuple[tuple[float, int], ...] = ()  # (seconds since the start, bytes), thinned for a chart

    @property
    def exceeded(self) -> bool:
        """Whether the ceiling was broken; a peak that was not observed breaks it."""
        if self.ceiling_bytes is None:
            return False
        return self.peak_bytes is None or self.stopped or self.peak_bytes > self.ceiling_bytes

    @property
    def per_byte(self) -> float | None:
        """Bytes of memory that the peak grew by for each byte of data more; None without a slope or where not observed."""
        if self.growth is None or self.peak_bytes is None or self.data_bytes is None:
            return None
        return max(self.peak_bytes - self.growth.small_peak_bytes, 0) / (self.data_bytes - self.growth.small_data_bytes)

    @property
    def grows(self) -> bool:
        """Whether the peak grows with the data, be that allowed or not; False without a slope."""
        if self.growth is None or self.peak_bytes is None:
            return False
        more_bytes = self.peak_bytes - self.growth.small_peak_bytes
        return self.exceeded or (more_bytes > NOISE_BYTES and (self.per_byte or 0.0) > STREAMING_PER_BYTE)


@dataclass(frozen=True, slots=True)
class Problem:
    """An exception, as text."""

    type: str
    message: str
    from_student: bool  # raised by the student's code, not by the test itself
    line: Line | None = None
    traceback: str = ""


class Exit(enum.StrEnum):
    """How a test cell ended."""

    PASSED = "passed"
    RAISED = "raised"  # an exception reached the top of the cell
    DIED = "died"  # the student's process ended in the middle
    TIMEOUT = "timeout"
    LIMIT = "limit"  # stopped at the memory limit
    JUDGE_ERROR = "judge_error"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The facts about one test cell of one submission."""

    notebook: str
    test: str  # the cell's grade_id
    exit: Exit
    problem: Problem | None = None
    blocks: tuple[Measurement, ...] = ()
    wall_seconds: float = 0.0  # that the student's calls took; the test's own work does not count
    limit_seconds: float | None = None
    output: str = ""  # the end of what was printed
    notes: tuple[str, ...] = ()  # what happened earlier in the notebook and matters here
    credit: float | None = None  # the share of its points that a test which passed gives; None: all of them
    touched: tuple[Touched, ...] = ()
    schema_version: int = SCHEMA_VERSION


class Verdict(enum.StrEnum):
    """What we think of a test cell; students read `words`."""

    AC = "AC"
    WA = "WA"
    RTE = "RTE"
    MLE = "MLE"
    TLE = "TLE"
    NS = "NS"
    JE = "JE"

    @property
    def words(self) -> str:
        """The verdict as students read it."""
        return {
            "AC": "accepted",
            "WA": "wrong answer",
            "RTE": "error",
            "MLE": "memory exceeded",
            "TLE": "time exceeded",
            "NS": "nothing submitted",
            "JE": "judge error",
        }[self.value]


class Status(enum.StrEnum):
    """What became of a submission as a whole."""

    GRADED = "graded"
    MANUAL = "manual"  # something waits for a person
    UNREADABLE = "unreadable"
    MISSING = "missing"
    JUDGE_ERROR = "judge_error"


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test cell judged. `points` is None for a judge error, in practice mode, and for what waits for a person."""

    __test__ = False  # not a test class, whatever pytest thinks

    notebook: str
    test: str
    verdict: Verdict | None  # None: waits for a person
    points: float | None
    max_points: float | None
    peak_bytes: int | None
    ceiling_bytes: int | None
    wall_seconds: float | None
    meter: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """One submission judged, as `autograde grade --format json` prints it."""

    student: str
    assignment: str
    status: Status
    sandbox: str | None
    message: str
    score: float | None
    max_score: float | None
    tests: tuple[TestResult, ...] = field(default=())


def to_jsonable(value: Any) -> Any:
    """A frozen value as dictionaries, lists, strings and numbers."""
    return dataclasses.asdict(value)


def to_json(value: Any) -> str:
    """A frozen value as one line of JSON."""
    text = json.dumps(to_jsonable(value), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace").decode()  # half of a surrogate pair can be printed, and not be written


def from_json(cls: type[T], text: str | bytes) -> T:
    """Read a frozen value back; raises `CourseError` when the text does not fit `cls`."""
    from pydantic import TypeAdapter  # here: student code does not need it in memory

    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    try:
        value: T = _ADAPTERS[cls].validate_json(text)
    except ValueError as error:
        raise CourseError(f"not a valid {cls.__name__} in JSON: {error}") from error
    return value
