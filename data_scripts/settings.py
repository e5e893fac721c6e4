"""What the environment says: where data lives, at which scale to work, which seed the hidden tests take."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, cast

Size = TypeVar("Size", bound=tuple[int, ...])

SCALES = ("tiny", "laptop", "full")
DEFAULT_SEED = 0
DEFAULT_HIDDEN_SEED = 20_250_611  # any fixed number that no notebook uses


def data_home() -> Path:
    """The folder that holds the data sets; it need not exist yet.

    AUTOGRADE_DATA if set; else ``data`` in the nearest parent of the current directory that has an
    nbgrader_config.py; else the user's cache folder.
    """
    named = os.environ.get("AUTOGRADE_DATA")
    if named:
        return Path(named).expanduser().absolute()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "nbgrader_config.py").is_file():
            return folder / "data"
    import platformdirs

    return Path(platformdirs.user_cache_dir("autograde")) / "data"


def check_scale(scale: str) -> str:
    """`scale` itself if it is one of `SCALES`.

    Errors: ValueError otherwise.
    """
    if scale not in SCALES:
        raise ValueError(f"expected a scale of {', '.join(SCALES)}, got {scale!r}: choose one of these three")
    return scale


def current_scale() -> str:
    """The scale to work at: AUTOGRADE_SCALE, else "laptop".

    Errors: ValueError when the variable names no scale.
    """
    scale = os.environ.get("AUTOGRADE_SCALE") or "laptop"
    try:
        return check_scale(scale)
    except ValueError as error:
        raise ValueError(f"environment variable AUTOGRADE_SCALE: {error}") from None


def pick_size(shapes: Mapping[str, Size], *, scale: str | None, shape: Size | None) -> tuple[Size, str | None]:
    """The size to make, and the scale that names it: `shape` where it is given (named by no scale), else that of a scale.

    Every maker resolves its arguments so: `scale` is tiny, laptop or full, default `current_scale()`.
    Errors: ValueError for a scale that does not exist.
    """
    if shape is not None:
        return shape, None
    named = check_scale(scale or current_scale())
    return shapes[named], named


def hidden_seed() -> int:
    """The seed of data that students have not seen: AUTOGRADE_SEED (set afresh per grading run), else a constant.

    Errors: ValueError when the variable is no whole number of at least 0.
    """
    text = os.environ.get("AUTOGRADE_SEED")
    if not text:
        return DEFAULT_HIDDEN_SEED
    try:
        return check_seed(int(text))
    except ValueError:
        raise ValueError(
            f"environment variable AUTOGRADE_SEED: expected a whole number of at least 0, got {text!r}: set or unset it"
        ) from None


def check_shape(shape: Size, *, axes: tuple[str, ...]) -> Size:
    """`shape` itself, in whole numbers, if it has a size of at least 1 along each of `axes`.

    Errors: ValueError otherwise.
    """
    sizes = tuple(int(size) for size in shape)
    if len(shape) != len(axes) or min(shape) < 1:
        count = {2: "two", 3: "three"}[len(axes)]
        raise ValueError(
            f"expected a shape of {count} sizes ({', '.join(axes)}) of at least 1, got {shape}: mend the shape"
        )
    return cast(Size, sizes)


def check_seed(seed: int) -> int:
    """`seed` itself if it can seed a generator.

    Errors: ValueError when it is negative.
    """
    if seed < 0:
        raise ValueError(f"expected a seed of at least 0, got {seed}: take a positive whole number")
    return int(seed)


def format_bytes(size_bytes: float) -> str:
    """A size in words: ``format_bytes(128 * 2**20)`` is ``'128 MiB'``.

    >>> format_bytes(90_508_848_400)
    '84.3 GiB'
    """
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes >= size:
            return f"{size_bytes / size:.3g} {unit}"
    return f"{size_bytes:.0f} bytes"
