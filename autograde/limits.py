"""What stops a student process, whatever it does: one value, set in one place (c.CourseSettings.limits).

A ceiling is what an exercise demands, and is measured and explained; a limit lies above all ceilings and protects the
machine.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import CourseError
from .types import GIB, MIB, parse_bytes

__all__ = ["LIMIT_PROBLEM", "Limits", "parse_limits"]

#: Type of the problem where a limit was hit, beside names of exceptions.
LIMIT_PROBLEM = "LimitExceeded"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the processes of one notebook's student together, unless it says "each"."""

    memory_bytes: int = 2 * GIB  # held at any time; and never more than 70 % of what was free
    private_bytes: int = GIB  # each of /tmp and /dev/shm in the sandbox; it counts as memory
    file_bytes: int = 4 * GIB  # each file
    disk_bytes: int = 8 * GIB  # all that it has written
    files: int = 200_000
    output_bytes: int = 16 * MIB  # printed
    processes: int = 512  # threads included; held in the bubblewrap sandbox
    open_files: int = 1024  # each process
    cpu_seconds: float = 900.0  # for one cell or the calls of one test, system time included
    notebook_seconds: float = 3600.0  # for all cells and calls of a notebook


def parse_limits(values: Mapping[str, Any]) -> Limits:
    """The limits with some of them set; sizes may be text such as "2 GiB".

    Raises `CourseError` for a name that is none, and for a value that is not above zero.
    """
    known = [field.name for field in dataclasses.fields(Limits)]
    if unknown := sorted(set(values) - set(known)):
        raise CourseError(f"no limit {', '.join(unknown)}; there is {', '.join(known)}")
    parsed: dict[str, Any] = {}
    for name, value in values.items():
        if name.endswith("_bytes"):
            parsed[name] = parse_bytes(value)
        elif isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise CourseError(f"the limit {name} is {value!r}, expected a number above zero")
        else:
            parsed[name] = value
    return Limits(**parsed)
