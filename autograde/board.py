"""The room board: how many laptops are through each exercise, and how the others fail. No names, no ranking.

A laptop tells exercise and verdict, nothing else, as a short code: the same text whether it travels by itself or is pasted.
A random number for each laptop is in it, so that what it tells later replaces what it told before.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from data_scripts.lock import wait_for_lock

from .check import OPTIONAL, Overview
from .course import Course
from .errors import CourseError
from .journal import write_whole
from .notebook import Kind
from .types import Verdict

__all__ = [
    "MAX_LAPTOPS",
    "MAX_TEXT_BYTES",
    "PATH",
    "Count",
    "Place",
    "Told",
    "add",
    "counts",
    "decode",
    "encode",
    "forget",
    "laptop_token",
    "places_of",
    "read",
    "send",
    "tell",
    "told_in_words",
]

#: More would be no room; a room of strangers cannot fill the disk.
MAX_LAPTOPS = 500
#: Of one message. A code of a hundred exercises has 500 letters; a chat of thirty codes fits.
MAX_TEXT_BYTES = 64 * 1024
PATH = "report"
_MAX_EXERCISES = 1000
_TOKEN_BYTES, _PROOF_BYTES, _ENTRY_BYTES = 5, 3, 3
_CODE = re.compile(r"\bag1([a-z2-7]{13,8000})\b", re.IGNORECASE | re.ASCII)
#: The last four bits of an entry. What they stand for is fixed: old kits will be about.
_VERDICTS = (None, Verdict.AC, Verdict.WA, Verdict.RTE, Verdict.MLE, Verdict.TLE, Verdict.NS, Verdict.JE)
_HOW = (Verdict.MLE, Verdict.TLE, Verdict.RTE, Verdict.WA)
_SEND_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Told:
    """What one laptop has told: its random number, and a verdict for the number of each exercise."""

    token: bytes
    verdicts: Mapping[int, Verdict]


@dataclass(frozen=True, slots=True)
class Place:
    """An exercise of the course, where it stands."""

    assignment: str
    notebook: str
    exercise: str
    optional: bool = False

    @property
    def number(self) -> int:
        """What stands for it in codes: 20 bits, made from the names of the notebook and the exercise.

        >>> Place("2-conversion", "imaging", "downsample2").number
        650230
        """
        return _number(self.notebook, self.exercise)


@dataclass(frozen=True, slots=True)
class Count:
    """How many laptops are how far with one exercise."""

    place: Place
    tally: Mapping[Verdict, int]

    @property
    def through(self) -> int:
        return self.tally.get(Verdict.AC, 0)

    @property
    def tried(self) -> int:
        """Laptops with an answer, right or not; a judge that failed says nothing."""
        return self.through + sum(self.tally.get(verdict, 0) for verdict in _HOW)

    @property
    def words(self) -> str:
        """What stands on the board.

        >>> Count(Place("a", "b", "c"), {Verdict.AC: 11, Verdict.MLE: 9, Verdict.WA: 2, Verdict.NS: 3}).words
        '11 of 22 through; 9 of 22: memory exceeded; 2 of 22: wrong answer; 3 not begun'
        """
        parts = [f"{self.through} of {self.tried} through"] if self.tried else []
        parts += [f"{self.tally[one]} of {self.tried}: {one.words}" for one in _HOW if self.tally.get(one)]
        if idle := self.tally.get(Verdict.NS, 0):
            parts.append(f"{idle} not begun")
        return "; ".join(parts) or "nobody yet"


# --- the code ---------------------------------------------------------------------------------------------------------


def _number(notebook: str, exercise: str) -> int:
    digest = hashlib.sha256(f"{_plain(notebook)}/{exercise}".encode()).digest()
    return int.from_bytes(digest[:3], "big") >> 4


def _plain(notebook: str) -> str:
    """The name of a notebook without what browsers and JupyterLab add to copies.

    >>> _plain("imaging (1)"), _plain("imaging-Copy1"), _plain("ephys")
    ('imaging', 'imaging', 'ephys')
    """
    return re.sub(r"( ?\(\d+\)|-Copy\d+)+$", "", notebook)


def tell(token: bytes, overview: Overview) -> Told:
    """What there is to tell of the exercises of a check: their verdicts, where tests were at hand."""
    verdicts = {_number(one.notebook, one.name): one.verdict for one in overview.exercises if one.verdict is not None}
    return Told(token, verdicts)


def encode(told: Told) -> str:
    """The code: letters and digits that survive chats, mails and capitals; about five for each exercise.

    >>> encode(Told(b"\\0" * 5, {650230: Verdict.MLE}))
    'ag1aaaaaaaat256midwr7u'
    """
    data = told.token + b"".join(
        (number << 4 | _VERDICTS.index(verdict)).to_bytes(_ENTRY_BYTES, "big")
        for number, verdict in sorted(told.verdicts.items())
    )
    return "ag1" + base64.b32encode(data + _proof(data)).decode().rstrip("=").lower()


def decode(text: str) -> tuple[Told, ...]:
    """Every whole code in a text, be it a chat of a whole room or junk; what is damaged is no code."""
    found = (_decoded(match[1]) for match in _CODE.finditer(text[:MAX_TEXT_BYTES]))
    return tuple(told for told in found if told is not None)


def _decoded(letters: str) -> Told | None:
    try:
        data = base64.b32decode(letters.upper() + "=" * (-len(letters) % 8))
    except binascii.Error:
        return None
    data, proof = data[:-_PROOF_BYTES], data[-_PROOF_BYTES:]
    token, entries = data[:_TOKEN_BYTES], data[_TOKEN_BYTES:]
    many = len(entries) // _ENTRY_BYTES
    if len(token) < _TOKEN_BYTES or len(entries) % _ENTRY_BYTES or many > _MAX_EXERCISES or proof != _proof(data):
        return None
    verdicts = {}
    for start in range(0, len(entries), _ENTRY_BYTES):
        number, which = divmod(int.from_bytes(entries[start : start + _ENTRY_BYTES], "big"), 16)
        verdict = _VERDICTS[which] if which < len(_VERDICTS) else None
        if verdict is not None:
            verdicts[number] = verdict
    return Told(token, verdicts)


def _proof(data: bytes) -> bytes:
    """Against slips of pasting, not against anybody who means harm."""
    return hashlib.sha256(b"autograde board" + data).digest()[:_PROOF_BYTES]


# --- on a laptop ------------------------------------------------------------------------------------------------------


def laptop_token(folder: Path | None = None) -> bytes:
    """The random number of this laptop, drawn once and kept for the user; it says nothing about either.

    Raises `CourseError` where it cannot be kept.
    """
    path = (folder or Path(platformdirs.user_data_dir("autograde"))) / "board-token"
    try:
        kept = bytes.fromhex(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        kept = b""
    if len(kept) == _TOKEN_BYTES:
        return kept
    token = secrets.token_bytes(_TOKEN_BYTES)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, token.hex())
    except OSError as error:
        raise CourseError(f"{path} cannot be written ({error.strerror}), so the board would count you twice") from error
    return token


def send(address: str, told: Told) -> None:
    """Tell the board at `address` (http://...), and nobody else: no proxy is asked.

    Raises `CourseError` where it does not answer.
    """
    try:
        parts = urllib.parse.urlsplit(address if "://" in address else f"http://{address}")
    except ValueError:
        parts = urllib.parse.SplitResult("", "", "", "", "")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise CourseError(f"expected the address of a board, such as http://192.168.1.20:8765, got {address!r}")
    url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/{PATH}"
    request = urllib.request.Request(
        url, encode(told).encode(), {"Content-Type": "text/plain", "User-Agent": "autograde"}
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=_SEND_SECONDS):
            return
    except urllib.error.HTTPError as error:
        why = f"{error.code} {error.reason}"
        error.close()
    except (OSError, ValueError) as error:  # URLError is an OSError
        why = str(getattr(error, "reason", error))
    raise CourseError(
        f"the board at {address} did not take it ({why}). Is the address right, and the laptop in the same network? "
        "Otherwise paste what `autograde check --code` prints into the board's page."
    )


def told_in_words(overview: Overview, *, address: str | None, code: bool) -> tuple[str, ...]:
    """Tell the board at `address`, and make the code to paste, where that was asked for; what there is to say of it.

    That a board cannot be told is said, too: it changes no result.
    """
    said: list[str] = []
    if not address and not code:
        return ()
    try:
        told = tell(laptop_token(), overview)
        if code:
            said.append(f"for the board: {encode(told)}")
        if address:
            send(address, told)
            said.append(f"told {address}: {len(told.verdicts)} exercises and their verdicts, no name")
    except CourseError as error:
        said.append(str(error))
    return tuple(said)


# --- on the instructor's machine --------------------------------------------------------------------------------------


def places_of(course: Course, assignments: Sequence[str] = ()) -> tuple[Place, ...]:
    """The exercises of the course (or of these assignments) in their order, those that tests judge."""
    found = []
    for assignment in assignments or course.assignments():
        for name, notebook in course.notebooks(assignment).items():
            tested = notebook.exercises()
            found += [
                Place(assignment, name, cell.label, OPTIONAL in cell.tags)
                for cell in notebook.cells
                if cell.kind is Kind.SOLUTION and tested.get(cell.label)
            ]
    return tuple(found)


def read(path: Path) -> dict[bytes, Told]:
    """What all laptops have told, one code a line; nothing where there is no such file."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    return {told.token: told for line in lines[:MAX_LAPTOPS] for told in decode(line)}


def add(path: Path, told: Iterable[Told], places: Sequence[Place]) -> int:
    """Keep what laptops have told of `places` in the file at `path`; returns how many were taken.

    What a laptop says of an exercise replaces what it said of it before. Unknown exercises are dropped, and so are laptops
    beyond `MAX_LAPTOPS`: the file stays small whatever comes.
    """
    known = {place.number for place in places}
    heard = [
        (one.token, {number: verdict for number, verdict in one.verdicts.items() if number in known}) for one in told
    ]
    if not any(verdicts for _, verdicts in heard):
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with wait_for_lock(path.with_name(f".{path.name}.lock")):
        kept = read(path)
        taken = 0
        for token, verdicts in heard:
            if not verdicts or (token not in kept and len(kept) >= MAX_LAPTOPS):
                continue
            before = kept[token].verdicts if token in kept else {}
            kept[token] = Told(token, {**before, **verdicts})
            taken += 1
        if taken:
            # sorted: the order says nothing about who came when
            write_whole(path, "".join(f"{encode(kept[token])}\n" for token in sorted(kept)))
    return taken


def forget(path: Path) -> int:
    """Remove what was told, for a new day; returns of how many laptops."""
    many = len(read(path))
    path.unlink(missing_ok=True)
    return many


def counts(told: Iterable[Told], places: Sequence[Place]) -> tuple[Count, ...]:
    """The board: every exercise in the order of the course."""
    some = tuple(told)
    found = []
    for place in places:
        tally: dict[Verdict, int] = {}
        for one in some:
            if (verdict := one.verdicts.get(place.number)) is not None:
                tally[verdict] = tally.get(verdict, 0) + 1
        found.append(Count(place, tally))
    return tuple(found)
