"""`@pytest.mark.ceiling("64 MiB")`: a test fails when it holds more memory than that, and says which line.

Counted is the call of the test, not its fixtures. Arguments are those of `autograde.ceiling`.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["pytest_configure", "pytest_runtest_call", "pytest_runtest_makereport"]

_KEY = pytest.StashKey[Any]()  # the block of a test


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, also to --strict-markers."""
    config.addinivalue_line("markers", 'ceiling(limit, data=None): fail when the test holds more than, say, "64 MiB"')


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Measure a marked test; lines of the project count as the tester's own."""
    marker = item.get_closest_marker("ceiling")
    if marker is None:
        return (yield)
    from .block import ceiling
    from .lines import CELL_NAMES, TEST_FILES

    CELL_NAMES.update((name, "") for name in _own_files(item.config.rootpath))
    TEST_FILES.add(str(item.path))
    block = ceiling(*marker.args, **marker.kwargs)
    item.stash[_KEY] = block
    with block:
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the figures to the report of a marked test, and shorten a broken ceiling to its message."""
    from .block import MemoryCeilingExceeded
    from .chart import memory_text

    report = yield
    block = item.stash.get(_KEY, None)
    if call.when == "call" and block is not None and block.measurement is not None:
        report.sections.append(("memory", memory_text(block.measurement)))
        report.user_properties.append(("peak_bytes", block.peak_bytes))
        if call.excinfo is not None and isinstance(call.excinfo.value, MemoryCeilingExceeded):
            report.longrepr = f"MemoryCeilingExceeded: {call.excinfo.value}"
    return report


def _own_files(root: Path) -> list[str]:
    """Source files of modules that lie in the project, without installed packages and this one."""
    ours = Path(__file__).parent
    found = []
    for module in list(sys.modules.values()):
        name = getattr(module, "__file__", None)
        if name is None or "site-packages" in name:
            continue
        path = Path(name)
        if path.is_relative_to(root) and not path.is_relative_to(ours):
            found.append(name)
    return found
