"""What every maker's forms share: from a scale or a shape to the data set on disk."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from data_scripts.settings import DEFAULT_SEED, Size, pick_size
from data_scripts.sink import Sink
from data_scripts.store import Recipe, keep, make

__all__ = ["Form", "Truth", "padded_bytes"]

SizeOf = TypeVar("SizeOf", bound=tuple[int, ...], covariant=True)


class Truth(Protocol[SizeOf]):
    """What a data set shows: every part of it is a pure function of its shape and seed."""

    @property
    def shape(self) -> SizeOf: ...
    @property
    def seed(self) -> int: ...


Source = TypeVar("Source", bound=Truth[Any])


@dataclass(frozen=True, kw_only=True)
class Form(Generic[Source, Size]):
    """One form in which a maker stores its data set, in any size.

    `truth(shape, seed)` is what is behind the data; `write(path, truth, sink=sink)` stores it. `most_bytes` (an upper
    bound on the disk space), `about_seconds` and `steps` (see `Recipe`) are functions of it.
    """

    data_set: str
    version: int
    shapes: Mapping[str, Size]
    truth: Callable[[Size, int], Source]
    dtype: str
    payload: str
    most_bytes: Callable[[Source], int]
    about_seconds: Callable[[Source], float]
    steps: Callable[[Source], int]
    write: Callable[..., None]
    options: Mapping[str, Any] = field(default_factory=dict)
    resumable: bool = False

    def recipe(self, scale: str | None, seed: int = DEFAULT_SEED, *, shape: Size | None = None) -> Recipe:
        """How to make it at a scale (default: the current one), or in the size `shape`.

        Errors: ValueError for a scale, shape or seed that does not exist.
        """
        size, named = pick_size(self.shapes, scale=scale, shape=shape)
        truth = self.truth(size, seed)
        return Recipe(
            data_set=self.data_set,
            version=self.version,
            scale=named,
            seed=truth.seed,
            shape=truth.shape,
            dtype=self.dtype,
            payload=self.payload,
            most_bytes=self.most_bytes(truth),
            about_seconds=self.about_seconds(truth),
            steps=self.steps(truth),
            write=functools.partial(self._write, truth),
            options=self.options,
            resumable=self.resumable,
        )

    def _write(self, truth: Source, path: Path, sink: Sink) -> None:
        self.write(path, truth, sink=sink)

    def fetch(self, *, scale: str | None, seed: int, shape: Size | None) -> Path:
        """The payload, made the first time. Errors: as `recipe`; `data_scripts.store.DiskTooSmall`."""
        return make(self.recipe(scale, seed, shape=shape))

    def keep(self, truth: Source) -> Path | None:
        """The payload of what is behind it, for tests alone; see `data_scripts.store.keep`."""
        return keep(self.recipe(None, truth.seed, shape=truth.shape))


def padded_bytes(shape: tuple[int, ...], chunks: tuple[int, ...], *, itemsize: int) -> int:
    """Bytes of all chunks that an array of `shape` is cut into, uncompressed and whole.

    >>> padded_bytes((5, 4), (4, 4), itemsize=2)
    64
    """
    return itemsize * math.prod(math.ceil(size / chunk) * chunk for size, chunk in zip(shape, chunks, strict=True))
