"""The view that a student process has of the machine, put together by bubblewrap.

Inside: the system and this Python read-only, the packages `autograde` and `data_scripts`, the data folder read-only (what is
hidden in it only while a call runs), the folders of this one submission, a private /tmp and /dev/shm of a fixed size. Not
inside: the course, the gradebook, other submissions, home, the network, other processes.

Started by root, bubblewrap alone protects nothing: the view is built as root, and the process in it runs as a user that
nobody else is. Started by anybody else, it runs in a user namespace of its own.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import JudgeError
from .folders import entries
from .seccomp import student_filter

__all__ = [
    "TMPFS",
    "View",
    "command",
    "filter_file",
    "hand_over",
    "passwd_file",
    "read_info",
    "sandbox_user",
    "why_not",
]

#: Places inside that are memory: the meter counts what lies there.
TMPFS = ("/tmp", "/dev/shm")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime", "mime.types")
_OUR_PACKAGES = ("autograde", "data_scripts")
#: Users that nobody is: above those that systems give to people, services and containers.
_FIRST_USER = 2_000_000_000


@dataclass(frozen=True, slots=True)
class View:
    """What one student process may see beyond the system, and how much its memory file systems hold."""

    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    covered: Mapping[Path, Path] | None = None  # read-only too, each in place of a folder inside of `readable`
    fixed: tuple[Path, ...] = ()  # inside of what is writable, and not
    workdir: Path = Path("/")
    tmpfs_bytes: int = 2**30


def sandbox_user() -> int | None:
    """The user that a student process of this judge runs as; None where that is whoever started the judge.

    One for each judge, so that the limit on processes, which counts by user, holds for each submission alone.
    """
    if os.geteuid() != 0:
        return None
    rows = map(str.split, Path("/proc/self/uid_map").read_text().splitlines())
    top = max(int(first) + int(size) for first, _, size in rows)
    if top > _FIRST_USER + 2**22:  # 2**22: more than there are process ids
        return _FIRST_USER + os.getpid()
    return top - 1 - os.getpid() % (top // 2)  # in a container with 65,536 users


def command(
    view: View,
    program: Sequence[str],
    *,
    info: int | None = None,
    seccomp: int | None = None,
    passwd: int | None = None,
) -> list[str]:
    """The command line that runs `program` in `view`; the others are file descriptors for bubblewrap."""
    user = sandbox_user()
    parts = ["bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-ipc", "--unshare-net"]
    parts += ["--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox"]
    if user is None:
        parts += ["--unshare-user", "--disable-userns", "--cap-drop", "ALL"]
    else:
        parts += ["--cap-drop", "ALL"]
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            parts += ["--cap-add", capability]
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            parts += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            parts += ["--ro-bind", str(path), str(path)]
    parts += ["--perms", "0755", "--dir", "/etc"]
    for name in _SETTINGS:
        parts += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    size = str(view.tmpfs_bytes)
    parts += ["--proc", "/proc", "--dev", "/dev"]
    # what reads as zeros without end, too, but cannot be mapped: such a map would hold memory that no process shows
    parts += ["--dev-bind", "/dev/full", "/dev/zero"]
    for place in TMPFS:
        parts += ["--perms", "1777", "--size", size, "--tmpfs", place]
    readable = (*_python_folders(), *view.readable)
    for path in _parents((*readable, *view.writable)):
        parts += ["--perms", "0755", "--dir", str(path)]  # bubblewrap would make them for root only
    for path in readable:
        parts += ["--ro-bind", str(path), str(path)]
    for path, cover in (view.covered or {}).items():
        parts += ["--ro-bind", str(cover), str(path)]
    for path in view.writable:
        parts += ["--bind", str(path), str(path)]
    for path in view.fixed:
        parts += ["--ro-bind", str(path), str(path)]
    if passwd is not None:
        parts += ["--perms", "0444", "--ro-bind-data", str(passwd), "/etc/passwd"]
    # in /proc a process could reset the mark of the most memory that it has held
    parts += ["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(view.workdir)]
    if info is not None:
        parts += ["--info-fd", str(info)]
    if seccomp is not None:
        parts += ["--seccomp", str(seccomp)]
    parts.append("--")
    if user is not None:
        parts += ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        parts += ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"]
    return [*parts, *program]


@functools.cache
def _python_folders() -> tuple[Path, ...]:
    """This Python, its packages, and of our own packages their folders only: what lies beside them is not for students."""
    found = [Path(sys.base_prefix), Path(sys.prefix), Path(sys.executable).resolve().parent.parent]
    found += [Path(entry) for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    found += [Path(entry) for entry in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if entry]
    for name in _OUR_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found.append(Path(spec.origin).parent)
    return tuple(_outermost(path.absolute() for path in found))


def _parents(paths: Sequence[Path]) -> Iterator[Path]:
    """The folders above `paths`, outer ones first, each once; of those that are there in any case, none."""
    there = {Path("/"), Path("/dev"), *map(Path, TMPFS), *map(Path, _SYSTEM)}
    yield from sorted({parent for path in paths for parent in path.parents} - there, key=lambda path: len(path.parts))


def _outermost(paths: Iterator[Path]) -> Iterator[Path]:
    """Existing folders that the system's do not hold already, each once, outer ones before what lies in them."""
    kept: list[Path] = [Path(name) for name in _SYSTEM if not Path(name).is_symlink()]
    for path in sorted(set(paths), key=lambda path: len(path.parts)):
        if path.is_dir() and not any(path.is_relative_to(outer) for outer in kept):
            kept.append(path)
            yield path


def filter_file() -> int | None:
    """A file descriptor from which bubblewrap reads the filter of system calls; None on a machine that has none."""
    program = student_filter()
    return None if program is None else _open_file(program)


def passwd_file() -> int:
    """A file descriptor with the sandbox's /etc/passwd: programs such as git want a name for who runs them."""
    user = os.geteuid() if sandbox_user() is None else sandbox_user()
    return _open_file(f"student:x:{user}:{user}:Student:{TMPFS[0]}:/bin/sh\n".encode())


def _open_file(content: bytes) -> int:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        return os.dup(file.fileno())


def hand_over(folder: Path) -> None:
    """Give to the sandbox's user what this judge has written below `folder`, links never followed.

    Nothing may change there meanwhile: the student's processes are frozen. Nothing to do where both are the same user.
    """
    user = sandbox_user()
    if user is None:
        return
    if folder.stat().st_uid == 0:
        os.chown(folder, user, user)
    for path, entry in entries(folder, skip_deep=True):  # nothing of ours lies deep
        with contextlib.suppress(FileNotFoundError):
            seen = entry.stat(follow_symlinks=False)
            # a file with other names is data that a test has linked to, which stays ours: it can be read, not written
            if seen.st_uid == 0 and not (stat.S_ISREG(seen.st_mode) and seen.st_nlink > 1):
                os.chown(path, user, user, follow_symlinks=False)


def read_info(descriptor: int) -> int:
    """The process id of the first process inside, as bubblewrap writes it to `--info-fd`.

    Raises `JudgeError` where bubblewrap has ended before.
    """
    with os.fdopen(os.dup(descriptor), "rb") as file:
        text = file.read()
    try:
        return int(json.loads(text)["child-pid"])
    except (ValueError, KeyError) as error:
        raise JudgeError(
            "bubblewrap ended before the student process started; see the log beside this message"
        ) from error


@functools.cache
def why_not() -> str | None:
    """Why bubblewrap cannot be had here, as a sentence with what to do; None where it works. Tried once."""
    if sys.platform != "linux":
        return "bubblewrap exists for Linux only"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap)"
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        return "setpriv is not installed (Debian, Ubuntu: apt install util-linux)"
    seccomp = filter_file()
    try:
        done = subprocess.run(
            command(View(), [sys.executable, "-P", "-c", "import autograde.errors"], seccomp=seccomp),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
            pass_fds=() if seccomp is None else (seccomp,),
        )
    except subprocess.TimeoutExpired:
        return "bubblewrap did not start within 60 s"
    finally:
        if seccomp is not None:
            os.close(seccomp)
    if done.returncode == 0:
        return None
    words = done.stderr.strip().splitlines()[-1:] or [f"it exited with code {done.returncode}"]
    return (
        f"bubblewrap does not work here ({words[0]}). In a container it needs user namespaces, or root with CAP_SYS_ADMIN: "
        "autograde/README.md says how"
    )
