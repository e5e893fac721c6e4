"""Calls of zarr's own store for local files in this process, by chunk and by file of metadata."""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Counts", "count_zarr_calls", "zarr_calls"]

Counts = tuple[Counter[str], Counter[str]]
"""How often files were read and written, by their path below a folder."""


def count_zarr_calls(root: Path) -> Callable[[], Counts]:
    """Count from now on; the function that comes back ends that and tells. Without zarr there are none."""
    counts: Counts = Counter(), Counter()
    stack = ExitStack()
    if "zarr" in sys.modules:  # importing it would be our doing
        stack.enter_context(zarr_calls(root, *counts))

    def end() -> Counts:
        stack.close()
        return counts

    return end


@contextmanager
def zarr_calls(root: Path, read: Counter[str], written: Counter[str]) -> Iterator[None]:
    """Count what is found and what is stored below `root` while the block runs, by its path there."""
    from zarr.storage import LocalStore

    get, put = LocalStore.get, LocalStore.set
    resolved = functools.cache(Path.resolve)  # one folder of a store for all its chunks

    def note(store: Any, key: str, counter: Counter[str]) -> None:
        path = resolved(Path(store.root)) / key
        if path.is_relative_to(root):
            counter[path.relative_to(root).as_posix()] += 1

    async def counted_get(self: Any, key: str, *args: Any, **kwargs: Any) -> Any:
        found = await get(self, key, *args, **kwargs)
        if found is not None:
            note(self, key, read)
        return found

    async def counted_set(self: Any, key: str, *args: Any, **kwargs: Any) -> None:
        await put(self, key, *args, **kwargs)
        note(self, key, written)

    store: Any = LocalStore
    store.get, store.set = counted_get, counted_set
    try:
        yield
    finally:
        store.get, store.set = get, put
