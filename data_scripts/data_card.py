"""The data card: a page of YAML that says what a data set is, with errors for people.

A card answers what a stranger asks first: what is it, whose is it, how large, in which units, and how will it be read?
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_scripts.readers import KINDS

__all__ = ["ACCESS", "EXAMPLE", "CardError", "DataCard", "card_problems", "load_card", "read_card"]

#: How data is read: what one question to it touches.
ACCESS = ("frames", "traces", "both", "blocks")
_UNITS = {
    "time": ("second", "millisecond", "minute", "frame"),
    "space": ("micrometer", "nanometer", "millimeter", "pixel"),
    "other": ("index",),
}
_AXES = {"t": "time", "z": "space", "y": "space", "x": "space", "c": "other", "channel": "other"}
_MAX_TEXT = 20_000
_MIN_CHUNK_BYTES, _MAX_CHUNK_BYTES = 2**17, 2**26

EXAMPLE = """\
# What a stranger asks first. Lines like this one are remarks.
title: Two-photon movie of the olfactory bulb, one plane
source: our own, rig 2, recorded by Ada Student on 2026-01-05
licence: CC-BY-4.0
question: Which cells answer to the odour within half a second?

path: two_photon.zarr          # where it lies; not part of the repository
kind: zarr                     # tiff, raw, hdf5, video, zarr
axes: [t, y, x]
shape: [40000, 248, 440]
dtype: uint16
bytes: 8729600000              # shape x bytes of one number, without compression
spacing: [0.033, 1.2, 1.2]     # from one frame to the next, from one pixel to the next
units: [second, micrometer, micrometer]

access: traces                 # what is read at a time: frames, traces, both, blocks
chunks: [600, 31, 44]
"""


class CardError(ValueError):
    """A data card with mistakes: one line for each, in `problems`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class DataCard(BaseModel):
    """A card that holds together."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: str = Field(min_length=10, max_length=120)
    source: str = Field(min_length=10, max_length=500)
    licence: str = Field(min_length=3, max_length=100)
    question: str = Field(min_length=20, max_length=500)
    path: str = Field(min_length=1)
    kind: Literal["tiff", "raw", "hdf5", "video", "zarr"]
    axes: list[str] = Field(min_length=1, max_length=5)
    shape: list[int] = Field(min_length=1, max_length=5)
    dtype: str
    bytes: int = Field(gt=0)
    spacing: list[float | int]
    units: list[str]
    access: Literal["frames", "traces", "both", "blocks"]
    chunks: list[int]


_FIELDS = DataCard.model_fields
_ASKED = {
    "title": "a line that says what it is, 10 to 120 letters",
    "source": "who recorded it, where and when, or where it was published (a DOI)",
    "licence": "what others may do with it: CC-BY-4.0, CC0-1.0, or who must be asked",
    "question": "what you want to know from it, in one sentence",
    "path": "where it lies on your disk",
    "kind": f"one of {', '.join(KINDS)}",
    "axes": "a list of axis names, such as [t, y, x]",
    "shape": "a list of whole numbers, one for each axis, such as [40000, 248, 440]",
    "dtype": "uint8, uint16, int16, float32, ...",
    "bytes": "a whole number: the product of the shape times the bytes of one number",
    "spacing": "a list of numbers, one for each axis: the distance from one sample to the next",
    "units": "a list of units, one for each axis, such as [second, micrometer, micrometer]",
    "access": f"one of {', '.join(ACCESS)}: what one question reads at a time",
    "chunks": "a list of whole numbers, one for each axis",
}


def read_card(text: str) -> DataCard:
    """The card in a YAML text. Errors: `CardError` with a line for each mistake."""
    problems, card = _look(text)
    if card is None:
        raise CardError(problems)
    return card


def card_problems(text: str) -> list[str]:
    """What is wrong with a card, one line for each mistake; empty when nothing is.

    >>> card_problems(EXAMPLE)
    []
    >>> card_problems(EXAMPLE.replace("8729600000", "9"))
    ['bytes: 40000 x 248 x 440 x 2 is 8729600000; got 9. Those are GB.']
    """
    return _look(text)[0]


def _look(text: str) -> tuple[list[str], DataCard | None]:
    import yaml

    if len(text) > _MAX_TEXT:
        return [f"The card has {len(text)} letters; a page is enough (at most {_MAX_TEXT})."], None
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            return ["The card uses & and *, YAML's way to repeat a part. Write it out."], None
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return [_yaml_words(error, text)], None
    if not isinstance(content, Mapping):
        return ["The card is not a list of `name: value` lines. Begin with `title: ...`."], None
    missing = [f"{name}: missing. Wanted: {_ASKED[name]}." for name in _FIELDS if content.get(name) is None]
    unknown = [
        f"{name}: there is no such line in a card; it has {', '.join(_FIELDS)}."
        for name in content
        if name not in _FIELDS
    ]
    try:
        card = DataCard.model_validate(dict(content))
    except ValidationError as error:
        wrong = {str(part["loc"][0]): part for part in reversed(error.errors()) if part["loc"]}
        found = [
            f"{name}: expected {_ASKED[name]}; got {_shown(content[name])}."
            for name in _FIELDS
            if name in wrong and content.get(name) is not None
        ]
        return [*missing, *unknown, *found], None
    problems = _does_not_fit(card)
    return problems, None if problems else card


def _shown(value: Any) -> str:
    """A value as it was written, without going far into it."""
    if isinstance(value, list):
        return "[" + ", ".join(_shown(part) for part in value[:6] if not isinstance(part, list | dict)) + "]"
    if isinstance(value, dict):
        return "names and values of its own"
    return repr(value)[:80]


def _yaml_words(error: Any, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return "The card is not YAML. Each line is `name: value`."
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if ": " in line.partition(":")[2]:
        hint = 'A text with a colon in it wants quotation marks: title: "Bulb: one plane".'
    elif "\t" in line:
        hint = "Indent with spaces, never with tabs."
    else:
        hint = "Each line is `name: value`; a list is [a, b, c]."
    return f"Line {mark.line + 1} cannot be read as YAML: {line.strip()[:80]!r}. {hint}"


def _does_not_fit(card: DataCard) -> list[str]:
    """Lines that are fine by themselves and do not go together."""
    item_bytes = _item_bytes(card.dtype)
    problems = _axis_problems(card)
    if item_bytes is None:
        problems.append(f"dtype: expected {_ASKED['dtype']}; got {card.dtype!r}.")
    if problems or item_bytes is None:
        return problems
    wanted = math.prod(card.shape) * item_bytes
    if card.bytes != wanted:
        product = " x ".join(map(str, (*card.shape, item_bytes)))
        problems.append(f"bytes: {product} is {wanted}; got {card.bytes}. {_slip(card.bytes, wanted)}")
    problems += [
        f"chunks: {chunk} along {axis} is more than there is ({length})."
        for axis, chunk, length in zip(card.axes, card.chunks, card.shape, strict=True)
        if chunk > length
    ]
    chunk_bytes = math.prod(card.chunks) * item_bytes
    if not problems and wanted > _MAX_CHUNK_BYTES and not _MIN_CHUNK_BYTES <= chunk_bytes <= _MAX_CHUNK_BYTES:
        problems.append(
            f"chunks: one chunk has {chunk_bytes} bytes. Between 128 KiB and 64 MiB works: smaller ones are too many files, "
            "larger ones too much memory for one question."
        )
    return problems


def _axis_problems(card: DataCard) -> list[str]:
    n_axes = len(card.axes)
    lists: dict[str, Sequence[Any]] = {name: getattr(card, name) for name in ("shape", "spacing", "units", "chunks")}
    problems = [
        f"{name}: expected {n_axes} values, one for each of {card.axes}; got {len(values)}."
        for name, values in lists.items()
        if len(values) != n_axes
    ]
    problems += [
        f"{name}: expected numbers above zero, got {_shown(values)}."
        for name, values in lists.items()
        if name != "units" and not all(value > 0 and math.isfinite(value) for value in values)
    ]
    known = "t (time), z, y, x (space), c, channel"
    problems += [f"axes: {axis!r} is not known; {known} are." for axis in card.axes if axis not in _AXES]
    if len(set(card.axes)) != n_axes:
        problems.append(f"axes: {card.axes} has a name twice.")
    for axis, unit in zip(card.axes, card.units, strict=False):
        fine = _UNITS.get(_AXES.get(axis, ""), ())
        if fine and unit not in fine:
            problems.append(
                f"units: {unit!r} for the axis {axis}; expected one of {', '.join(fine)}, by their full names."
            )
    return problems


def _item_bytes(dtype: str) -> int | None:
    """Bytes of one number; None for what is no number."""
    import numpy as np

    try:
        kind = np.dtype(dtype)
    except TypeError:
        return None
    return kind.itemsize if kind.kind in "biuf" else None


def _slip(got: int, wanted: int) -> str:
    """What may have happened, in words."""
    if got == wanted * 8:
        return "Those are bits."
    for unit, size in (("KiB", 2**10), ("kB", 10**3), ("MiB", 2**20), ("MB", 10**6), ("GiB", 2**30), ("GB", 10**9)):
        if abs(got * size - wanted) <= size / 2 and got > 1:
            return f"Those are {unit}."
    return "The size of a compressed file is another thing."


def load_card(path: Path) -> DataCard:
    """The card in a file. Errors: `CardError`, FileNotFoundError."""
    return read_card(path.read_text(encoding="utf-8-sig"))
