"""Whoever grades without being root has the same sandbox, by user namespaces; where the kernel forbids those, it says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from autograde import bubblewrap

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap exists for Linux only"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]
ROOT = Path(__file__).parent.parent
#: A user that nobody is; where the tests do not run as root, whoever runs them is ordinary enough.
USER = 54_321
WHY_NOT = "from autograde import bubblewrap; print(bubblewrap.why_not() or '')"
#: What depends on who is inside, and on what the judge may see of it from outside.
ATTACKS = ("a10_proc", "a11_files", "a12_n", "a15_leader", "a17", "a18_file", "a19_dev_zero", "a19_own_tmpfs", "a31")


def _needed() -> list[Path]:
    """Folders that running this Python with these packages takes."""
    found = {Path(sys.base_prefix), Path(sys.prefix), Path(sys.executable).resolve().parent.parent, ROOT}
    return sorted(found | {Path(entry) for entry in sys.path if Path(entry).is_dir()}, key=lambda path: len(path.parts))


def _closed(path: Path) -> Path | None:
    """The outermost folder above `path` that only its owner may enter."""
    return next((parent for parent in reversed(path.parents) if not parent.stat().st_mode & 0o001), None)


def _as_user(folder: Path) -> list[str]:
    """What to put before a command for an ordinary user, who can write to `folder` alone, to run it."""
    if os.geteuid() != 0:
        return []
    closed = {path: _closed(path) for path in _needed()}
    parts = ["bwrap", "--die-with-parent", "--dev-bind", "/", "/"]
    for place in sorted({str(place) for place in closed.values() if place is not None}):
        parts += ["--perms", "0755", "--tmpfs", place]  # an empty folder that all may enter, and in it what is needed
    for path, place in closed.items():
        if place is not None:
            missing = [parent for parent in reversed(path.parents) if parent.is_relative_to(place) and parent != place]
            for parent in missing:
                parts += ["--perms", "0755", "--dir", str(parent)]
            parts += ["--ro-bind", str(path), str(path)]
    parts += [
        "--bind",
        str(folder),
        str(folder),
        "--",
        "setpriv",
        f"--reuid={USER}",
        f"--regid={USER}",
        "--clear-groups",
    ]
    return [*parts, "--inh-caps=-all", "--bounding-set=-all", "--"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the user's own, into which no folder of root's stands in the way."""
    made = Path(tempfile.mkdtemp(prefix="autograde-user-", dir="/tmp"))
    if os.geteuid() == 0:
        os.chown(made, USER, USER)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def run(before: Sequence[str], folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python with `words`, as that user, with `folder` for all that it writes."""
    environment = {
        name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH") if name in os.environ
    }
    environment |= {"HOME": str(folder), "TMPDIR": str(folder), "AUTOGRADE_DATA": str(folder / "data")}
    environment |= {"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [*before, sys.executable, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_an_ordinary_user_grades_hostile_submissions_in_user_namespaces(folder):
    """The attacks come out as they must, and the honest students beside them keep their marks."""
    before = _as_user(folder)
    asked = run(before, folder, "-c", WHY_NOT)
    assert asked.returncode == 0, asked.stderr
    if reason := asked.stdout.strip():
        assert "needs user namespaces" in reason
        pytest.skip(f"the kernel forbids it: {reason}")
    done = run(before, folder, "tests/attacks", "--sandbox", "bubblewrap", *ATTACKS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{len(ATTACKS)} of {len(ATTACKS)} came out as they must"
    assert list(folder.glob("autograde-judge-*")) == []


@pytest.mark.skipif(bubblewrap.why_not() is not None, reason=str(bubblewrap.why_not()))
def test_where_user_namespaces_are_forbidden_the_reason_is_said(folder):
    """In a namespace that allows no further ones, as some containers and kernels are set up."""
    forbidding = ["bwrap", "--dev-bind", "/", "/", "--unshare-user", "--uid", str(USER), "--disable-userns", "--"]
    asked = run(forbidding, folder, "-c", WHY_NOT)
    assert asked.stdout.startswith("bubblewrap does not work here (bwrap: "), asked.stdout + asked.stderr
    assert "In a container it needs user namespaces, or root with CAP_SYS_ADMIN" in asked.stdout
    done = run(forbidding, folder, "-c", "from autograde.sandbox import choose_sandbox; choose_sandbox('bubblewrap')")
    assert "`--sandbox process` judges without it: only for submissions of people you trust" in done.stderr
