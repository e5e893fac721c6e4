"""What a sandboxed student process sees of hidden data: nothing, but from the first call of a test to its end.

Data with a seed that was drawn for this grading lies in one folder of the data (data_scripts/store.py). The sandbox has an
empty folder in its place; during a test the files that the tests have asked for are in it, as hard links and without the
manifest that knows the seed. Between two calls nothing of the student's runs, so they stay there until the test ends.
"""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from .folders import scratch_folder

__all__ = ["HiddenData"]

_HIDDEN, _VIEWS, _MANIFEST = "hidden", ".views", "manifest.json"


class HiddenData:
    """The folder that stands for the hidden data of `data` in one sandbox; `remove` it at the end."""

    def __init__(self, data: Path) -> None:
        self.covered = data / _HIDDEN
        views = self.covered / _VIEWS
        views.mkdir(parents=True, exist_ok=True)
        self._stack = ExitStack()
        self.view = self._stack.enter_context(scratch_folder("view-", within=views))
        self.view.chmod(0o755)
        self._there: set[Path] = set()

    def show(self) -> None:
        """Have the data there that this process has asked for until now."""
        store: Any = sys.modules.get("data_scripts.store")  # courses may have other makers, or none
        for path in () if store is None else store.asked_for():
            if path.parent == self.covered and path not in self._there:
                with suppress(FileNotFoundError):  # it was removed meanwhile; the test will say so
                    shutil.copytree(
                        path, self.view / path.name, copy_function=os.link, ignore=shutil.ignore_patterns(_MANIFEST)
                    )
                self._there.add(path)

    def cover(self) -> None:
        """Have nothing there."""
        for path in self._there:
            shutil.rmtree(self.view / path.name, ignore_errors=True)
        self._there.clear()

    def remove(self) -> None:
        self._stack.close()
