"""Calls of zarr's own store for local files in this process, by chunk and by file of metadata."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["zarr_calls"]


@contextmanager
def zarr_calls(root: Path, read: Counter[str], written: Counter[str]) -> Iterator[None]:
    """Count what is found and what is stored below `root` while the block runs, by its path there."""
    from zarr.storage import LocalStore

    get, put = LocalStore.get, LocalStore.set

    def note(store: Any, key: str, counter: Counter[str]) -> None:
        path = (Path(store.root) / key).resolve()
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
