"""Runs git for the exercises: always the same, offline, and without a look at the configuration of whoever runs it.

A command is written as one would type it behind ``git`` in a terminal::

    run_git("commit -m 'Chunks for traces'", cwd=folder)

Identity, dates, branch names and line endings are the same on every machine. Nothing is asked, nothing opens an editor, and
only folders below the system's folder for temporary files are touched.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["GIT_WANTED", "GitError", "GitMissing", "git", "git_version", "remove_tree", "run_git"]

#: The oldest git that the exercises run with.
GIT_WANTED = (2, 30)
#: Who writes commits, by name. `you` is the student.
PEOPLE = {"you": ("Ada Student", "ada@example.org"), "bo": ("Bo Colleague", "bo@example.org")}
_FIRST_SECOND = 1_767_603_600  # 5 January 2026, 9:00 UTC; each step in a repository is a minute later
_SECONDS = 60
_SETTINGS = """\
[init]
\tdefaultBranch = main
[core]
\tautocrlf = false
\tquotepath = false
\tpager = cat
[advice]
\tdetachedHead = false
[gc]
\tauto = 0
[pull]
\trebase = false
[safe]
\tdirectory = *
"""
_INSTALL = (
    "Install it: Windows: Git for Windows from git-scm.com; macOS: `xcode-select --install`; Debian, Ubuntu: "
    "`apt install git`; anywhere with conda: `conda install git`. Then start JupyterLab again from a new terminal."
)
#: What git says, and what to do about it.
_HINTS = (
    ("not a git repository", "There is no repository here yet: `init` makes one, or `cwd` names another folder."),
    ("empty commit message", 'A commit wants a message: commit -m "what was done".'),
    ("did not match any file", "Is the name right? It counts from the folder `cwd`."),
    ("nothing added to commit", "Nothing is staged: `add` the files by name first."),
    ("nothing to commit", "There is no change to commit: was the file written, and was it this one?"),
    ("no changes added to commit", "Changes are there, but not staged: `add` the files by name first."),
    ("have unmerged paths", "A conflict is open: write the file as it should be, `add` it, then commit."),
    ("CONFLICT", "Both sides changed the same lines. Where that is expected, pass check=False, and resolve it."),
    ("[rejected]", "Somebody pushed first: `fetch`, then `merge` or `rebase`, then push again. Never --force."),
    ("has no upstream branch", "The first push of a branch says where to: push -u origin NAME."),
    ("would be overwritten", "Commit your own changes first."),
)


class GitError(RuntimeError):
    """A git command that failed, with git's own words and what to do."""


class GitMissing(GitError):
    """There is no git, or one that is too old."""


def remove_tree(path: Path) -> None:
    """Remove a folder with all that is in it; git's objects are read-only, which Windows does not remove by itself."""

    def again(function: Callable[..., Any], name: str, _: Any) -> None:
        Path(name).chmod(stat.S_IWRITE)
        function(name)

    told: dict[str, Any] = {"onexc" if sys.version_info >= (3, 12) else "onerror": again}
    if path.exists():
        shutil.rmtree(path, **told)


@functools.cache
def git_version() -> tuple[int, ...]:
    """The version of git, such as (2, 39, 5).

    Errors: `GitMissing`, with how to install it, when there is none or one older than `GIT_WANTED`.
    """
    try:
        done = subprocess.run(["git", "--version"], capture_output=True, text=True, env=_environment("you", Path.cwd()))
    except OSError:
        raise GitMissing(f"These exercises need the program git, and it was not found. {_INSTALL}") from None
    found = re.match(r"git version (\d+(?:\.\d+)+)", done.stdout)
    if found is None:
        raise GitMissing(
            f"The program git is there and does not work: {(done.stderr or done.stdout).strip()[:300]} {_INSTALL}"
        )
    version = tuple(int(part) for part in found[1].split("."))
    if version < GIT_WANTED:
        wanted = ".".join(map(str, GIT_WANTED))
        raise GitMissing(f"These exercises need git {wanted} or newer, this is {found[1]}. {_INSTALL}")
    return version


def run_git(command: str | list[str], *, cwd: Path, check: bool = True, who: str = "you") -> str:
    """Run ``git <command>`` in the folder `cwd`, and return what it printed, both streams.

    `who` (you, bo) writes the commits. With `check`, a command that fails raises; without, its words are returned.
    Errors: `GitError` with git's words and a hint; `GitMissing`; ValueError for a folder that is not for practice.
    """
    try:
        words = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
    except ValueError:
        raise GitError(
            f"git {command}: a quotation mark opens and does not close. Inside '...' there can be no '."
        ) from None
    if words[:1] == ["git"]:
        words = words[1:]  # typed as in a terminal
    shown = shlex.join(words)
    cwd = Path(cwd).resolve()
    below = Path(tempfile.gettempdir()).resolve()
    if not cwd.is_relative_to(below):
        raise ValueError(
            f"git here is for practice repositories, which lie below {below}; got cwd={str(cwd)!r}. Pass cwd=repo. "
            "For repositories of your own, take a terminal."
        )
    if not cwd.is_dir():
        raise ValueError(f"expected a folder as cwd, got {str(cwd)!r}, which is none: pass cwd=repo")
    git_version()
    done = subprocess.run(
        ["git", *words],
        cwd=cwd,
        env=_environment(who, cwd),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    text = done.stdout.decode("utf-8", "replace").replace("\r\n", "\n")
    if check and done.returncode != 0:
        hints = [hint for sign, hint in _HINTS if sign in text]
        raise GitError("\n".join([f"git {shown} failed:", text.strip(), *hints[:1]]))
    return text


def git(command: str, cwd: Path, check: bool = True) -> str:
    """Run ``git <command>`` in the folder `cwd`, show what git says as a terminal would, and return it.

    With check=False a command that fails is no error: a merge that stops with a conflict, for example.
    Errors: as `run_git`.
    """
    said = run_git(command, cwd=cwd, check=check)
    print(f"$ git {command.removeprefix('git ')}" + (f"\n{said.rstrip()}" if said.strip() else ""))  # noqa: T201
    return _Said(said)


class _Said(str):
    """What git has printed, as text: as the last value of a cell it is not shown a second time."""

    __slots__ = ()

    def _ipython_display_(self) -> None:
        """Show nothing: it has been printed."""


def _environment(who: str, cwd: Path) -> dict[str, str]:
    """This process's environment without what steers git, and with what makes it the same everywhere."""
    name, email = PEOPLE[who]
    home = str(_home())
    date = f"{_FIRST_SECOND + _SECONDS * _steps(cwd)} +0000"
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith("GIT_")}
    return kept | {
        "HOME": home,
        "USERPROFILE": home,
        "XDG_CONFIG_HOME": home,
        "GIT_CONFIG_GLOBAL": str(_home() / ".gitconfig"),  # git 2.32 and newer; older ones look into HOME
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TEMPLATE_DIR": "",
        "GIT_CEILING_DIRECTORIES": str(Path(tempfile.gettempdir()).resolve()),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "file",  # nothing goes over a network
        "GIT_EDITOR": ":",
        "GIT_SEQUENCE_EDITOR": ":",
        "GIT_PAGER": "cat",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_DATE": date,
        "FILTER_BRANCH_SQUELCH_WARNING": "1",
        "LC_ALL": "C.UTF-8",
        "LANGUAGE": "en",
    }


@functools.cache
def _home() -> Path:
    """A home folder with our settings and nothing else, for as long as this process lives."""
    home = Path(tempfile.mkdtemp(prefix="git-home-"))
    (home / ".gitconfig").write_text(_SETTINGS, encoding="utf-8", newline="\n")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


def _steps(cwd: Path) -> int:
    """How often HEAD has moved in the repository that `cwd` lies in: a clock that is the same on every machine."""
    for folder in (cwd, *cwd.parents):
        log = folder / ".git" / "logs" / "HEAD"
        if log.is_file():
            return len(log.read_bytes().splitlines())
    return 0
