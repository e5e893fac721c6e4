"""Starts, stops and ends the student process, in the sandbox that was chosen.

`bubblewrap` keeps submissions from the tests, the marks, each other and the machine (see bubblewrap.py). `process` is a
plain process in a session of its own: it keeps honest mistakes apart from the tests and the marks, and does not stop a
determined attacker from reading files that its user may read. Results say which sandbox they came from.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from . import bubblewrap
from .conditions import ALLOCATOR
from .errors import CourseError, JudgeError
from .limits import Limits
from .meters import TreeMeter, default_meter, descendants
from .poll import Meter
from .procfs import proc_text
from .wire import Connection

__all__ = ["JUDGED", "SANDBOXES", "StudentProcess", "choose_sandbox", "start_student"]

#: An environment variable of student processes, so that a notebook that is judged does not have itself judged.
JUDGED = "AUTOGRADE_JUDGED"
#: What may be asked for.
SANDBOXES = ("auto", "bubblewrap", "process")

#: What student code may know of the environment of whoever grades.
_PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "SYSTEMROOT",
    "AUTOGRADE_DATA",
    "AUTOGRADE_SCALE",
    "LD_LIBRARY_PATH",
)
_FREEZE_SECONDS = 5.0
_INSIDE_SECONDS = 30.0


def choose_sandbox(wanted: str) -> tuple[str, str | None]:
    """The sandbox to use for `wanted`, and what to tell the user: `auto` takes bubblewrap where it works.

    Raises `JudgeError` for `bubblewrap` where it cannot be had, and `CourseError` for a name that is none.
    """
    if wanted not in SANDBOXES:
        raise CourseError(f"no sandbox {wanted!r}; expected one of {', '.join(SANDBOXES)}")
    if wanted == "process":
        return "process", None
    reason = bubblewrap.why_not()
    if reason is None:
        return "bubblewrap", None
    if wanted == "bubblewrap":
        raise JudgeError(f"{reason}. `--sandbox process` judges without it: only for submissions of people you trust")
    return "process", f"no sandbox around submissions, they run as plain processes: {reason}"


@dataclass(frozen=True, slots=True)
class StudentProcess:
    """A running student process: its connection, and where what it printed goes."""

    process: subprocess.Popen[bytes]  # what we started: the student process itself, or bubblewrap around it
    connection: Connection
    log: Path
    sandbox: str
    pid: int  # of the student process itself
    root: int  # of the process that all of the student's descend from: itself, or the first one in the sandbox
    tmpfs: tuple[int, ...] = ()  # open folders in its private file systems in memory

    def meter(self) -> Meter:
        """The meter of this process, all that it starts, and its files in memory."""
        if self.sandbox != "bubblewrap":
            return default_meter(self.pid)
        return TreeMeter(self.pid, root=self.root, tmpfs=self.tmpfs)

    def family(self) -> list[int]:
        """Process ids of the student process and all that it has started (Linux)."""
        return [self.pid, *(pid for pid in descendants(self.root) if pid != self.pid)]

    def kill(self) -> None:
        """Kill the process and, in a sandbox, everything in it, without waiting."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.root, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        self.process.kill()

    def freeze(self) -> None:
        """Stop every thread of the student's, until `thaw`: nothing that was handed over changes any more.

        Raises `JudgeError` where that cannot be done in a few seconds.
        """
        if sys.platform != "linux":
            return
        deadline = time.monotonic() + _FREEZE_SECONDS
        before: dict[int, frozenset[tuple[str, bytes]]] | None = None
        while True:
            # One look is not enough: a process may start another and end between being listed and being looked at, or wake
            # one that was looked at before. Two that see the same threads, none of which has run in between, are.
            seen = {pid: _stopped(pid) for pid in self.family()}
            if seen[self.pid] is None and not Path(f"/proc/{self.pid}").exists():
                seen[self.pid] = frozenset()  # it has ended itself; what it has started may go on
            for pid in [pid for pid, threads in seen.items() if threads is None]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            now = (
                None
                if None in seen.values()
                else {pid: threads for pid, threads in seen.items() if threads is not None}
            )
            if now is not None and now == before:
                return
            if time.monotonic() > deadline:
                raise JudgeError(f"the student's processes did not stop within {_FREEZE_SECONDS:.0f} s")
            if now is None:
                time.sleep(0.0002)
            before = now

    def thaw(self) -> None:
        """Let the student's threads go on."""
        if sys.platform != "linux":
            return
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        """Kill the process and everything that it started, and wait until they are gone."""
        self.connection.close()
        family = []
        if self.sandbox == "bubblewrap":
            self.kill()  # nothing gets out of its namespace
        try:
            root = psutil.Process(self.pid)
            root.send_signal(signal.SIGSTOP if hasattr(signal, "SIGSTOP") else signal.SIGTERM)
            family = root.children(recursive=True)
        except psutil.NoSuchProcess:
            pass
        for member in family:
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        self.kill()
        self.process.wait()
        # what it started and left without a parent is in nobody's list of children, but in its process group
        with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):  # Windows has no groups
            os.killpg(self.process.pid, signal.SIGKILL)
        psutil.wait_procs(family, timeout=5)
        for folder in self.tmpfs:
            os.close(folder)

    def how_it_ended(self, *, seconds: float = 2.0) -> str:
        """In words: by a signal, by exiting, or not at all."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        code = self.process.poll()
        if code is None:
            return "it closed its connection"
        if code > 128 and self.sandbox == "bubblewrap":
            code = 128 - code  # as shells and bubblewrap tell of signals
        with contextlib.suppress(ValueError):
            if code < 0:
                return f"it was ended by {signal.Signals(-code).name}"
        return f"it exited with code {code}"


def start_student(
    *,
    workdir: Path,
    exchange: Path,
    log: Path,
    sandbox: str = "process",
    readable: tuple[Path, ...] = (),
    covered: Mapping[Path, Path] | None = None,
    fixed: tuple[Path, ...] = (),
    limits: Limits | None = None,
) -> StudentProcess:
    """Start the student process in `workdir`; `exchange` is the folder for temporary files that both sides see.

    In the sandbox `bubblewrap` it sees, beside these and the system, the folders `readable`, and those of `covered` in place
    of some inside of them; what is `fixed` in its own folder it cannot change. Of `limits` it is given those that the system
    holds; a `Guard` sees to the others. Raises `JudgeError` where the sandbox does not start.
    """
    limits = limits or Limits()
    ours, theirs = socket.socketpair()
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {name: str(value) for name, _, value in ALLOCATOR}
    environment |= {
        "TMPDIR": str(exchange),
        JUDGED: "1",
        "MPLBACKEND": "agg",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
        "IPYTHONDIR": str(exchange / ".ipython"),  # start-up files of whoever grades do not run
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
    }
    fenced = sandbox == "bubblewrap"
    held = {"RLIMIT_FSIZE": limits.file_bytes, "RLIMIT_NOFILE": limits.open_files, "RLIMIT_CORE": 0}
    if fenced:
        held |= {
            "RLIMIT_NPROC": limits.processes,
            "RLIMIT_MSGQUEUE": 0,
        }  # counts by user, who is nobody else only there
    command = [sys.executable, "-P", "-m", "autograde.student", str(theirs.fileno()), json.dumps(held)]
    log.write_bytes(b"")  # what a process before this one has printed is not held against this one
    with contextlib.ExitStack() as stack:
        stack.enter_context(theirs)
        passed = [theirs.fileno()]
        if fenced:
            environment["HOME"] = bubblewrap.TMPFS[0]
            info, told = map(stack.enter_context, map(_Descriptor, os.pipe()))
            seccomp = bubblewrap.filter_file()
            passwd = stack.enter_context(_Descriptor(bubblewrap.passwd_file()))
            passed += [told.fd, passwd.fd, *([] if seccomp is None else [stack.enter_context(_Descriptor(seccomp)).fd])]
            view = bubblewrap.View(
                writable=(exchange, workdir),
                readable=readable,
                covered=covered,
                fixed=fixed,
                workdir=workdir,
                tmpfs_bytes=limits.private_bytes,
            )
            command = bubblewrap.command(view, command, info=told.fd, seccomp=seccomp, passwd=passwd.fd)
        process = subprocess.Popen(
            command,
            cwd="/" if fenced else workdir,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stack.enter_context(log.open("ab")),
            stderr=subprocess.STDOUT,
            pass_fds=passed,
            start_new_session=True,
        )
        connection = Connection(ours)
        if not fenced:
            return StudentProcess(process, connection, log, sandbox, process.pid, process.pid)
        told.close()
        try:
            first = bubblewrap.read_info(info.fd)
            pid = _only_child(first)
            tmpfs = tuple(_open_inside(pid, place) for place in bubblewrap.TMPFS)
        except (JudgeError, OSError) as error:
            process.kill()
            process.wait()
            connection.close()
            words = log.read_bytes()[-1000:].decode("utf-8", "replace").strip()
            raise JudgeError(f"the sandbox did not start ({error}): {words}") from error
        return StudentProcess(process, connection, log, sandbox, pid, first, tmpfs)


@dataclass(slots=True)
class _Descriptor:
    """A file descriptor that is closed at the end of the block, or before."""

    fd: int

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> _Descriptor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _only_child(first: int) -> int:
    """The process that bubblewrap's first one has started: it starts no other."""
    deadline = time.monotonic() + _INSIDE_SECONDS
    children = Path(f"/proc/{first}/task/{first}/children")
    while not (found := children.read_text().split()):
        if time.monotonic() > deadline:
            raise JudgeError(f"no process started inside of the sandbox within {_INSIDE_SECONDS:.0f} s")
        time.sleep(0.001)
    return int(found[0])


def _open_inside(pid: int, place: str) -> int:
    """A folder as a process sees it, opened; until it has become the student's program, that may not be allowed."""
    deadline = time.monotonic() + _INSIDE_SECONDS
    while True:
        try:
            return os.open(f"/proc/{pid}/root{place}", os.O_RDONLY | os.O_DIRECTORY)
        except PermissionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.001)


#: The rows of a thread's status file that say whether it stands still, and how often it has run.
_STATE = re.compile(rb"^State:\s+(\w).*^(voluntary_ctxt_switches:.*)", re.DOTALL | re.MULTILINE)


def _stopped(pid: int) -> frozenset[tuple[str, bytes]] | None:
    """The threads of a process and how often each has run, if all stand still; None where one does not, or has ended."""
    found = set()
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            state = _STATE.search(proc_text(f"/proc/{pid}/task/{task}/status"))
            if state is None or state[1] not in (b"T", b"t", b"Z", b"X"):
                return None
            found.add((task, state[2]))
    except OSError:
        return None  # it has ended meanwhile, and may have started another
    return frozenset(found)
