"""What can go wrong, by who can mend it."""

from __future__ import annotations

import builtins

__all__ = ["AutogradeError", "CourseError", "JudgeError", "MeterError", "StorageError", "SubmissionError", "kind_of"]


class AutogradeError(Exception):
    """Base of all errors raised on purpose; the text says what was expected, what came, and what to do next."""


class CourseError(AutogradeError):
    """The author or instructor mends it: course material, settings or the call are wrong (exit 2)."""


class SubmissionError(AutogradeError):
    """The submission is to blame: it becomes a verdict and never stops a class."""


class JudgeError(AutogradeError):
    """The judge itself failed: never zero points, retried once, then left for a person (exit 3)."""


class MeterError(JudgeError):
    """Memory could not be measured: a missing measurement is a failure, never a pass."""


class StorageError(JudgeError):
    """What was found cannot be kept (a full disk, a gradebook out of reach): grading stops, and the next run goes on."""


def kind_of(error: BaseException) -> str:
    """The name of its class, as people know it: `_IncompleteInputError` of Python 3.13 is a SyntaxError."""
    return next(base for base in type(error).__mro__ if base not in _PRIVATE).__name__


_PRIVATE = {value for name, value in vars(builtins).items() if name.startswith("_") and isinstance(value, type)}
