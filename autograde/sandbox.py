"""Starts and ends the student process.

`process` is a plain process in a session of its own: it keeps honest mistakes apart from the tests and the marks, and does
not stop a determined attacker from reading files that its user may read. Results say which sandbox they came from.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from .wire import Connection

__all__ = ["JUDGED", "StudentProcess", "start_student"]

#: An environment variable of student processes, so that a notebook that is judged does not have itself judged.
JUDGED = "AUTOGRADE_JUDGED"

#: glibc gives freed memory back at once and keeps one arena: the baseline is then the same every time (64-65 MiB).
_ALLOCATOR = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "33554432",
    "MALLOC_TRIM_THRESHOLD_": "67108864",
}
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


@dataclass(frozen=True, slots=True)
class StudentProcess:
    """A running student process: its connection, and where what it printed goes."""

    process: subprocess.Popen[bytes]
    connection: Connection
    log: Path
    sandbox: str

    @property
    def pid(self) -> int:
        return self.process.pid

    def end(self) -> None:
        """Kill the process and everything that it started, and wait until they are gone."""
        self.connection.close()
        family = []
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
        self.process.kill()
        self.process.wait()
        # what it started and left without a parent is in nobody's list of children, but in its process group
        with contextlib.suppress(ProcessLookupError, AttributeError):  # Windows has no groups
            os.killpg(self.pid, signal.SIGKILL)
        psutil.wait_procs(family, timeout=5)

    def how_it_ended(self, *, seconds: float = 2.0) -> str:
        """In words: by a signal, by exiting, or not at all."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        code = self.process.poll()
        if code is None:
            return "it closed its connection"
        if code < 0:
            return f"it was ended by {signal.Signals(-code).name}"
        return f"it exited with code {code}"


def start_student(*, workdir: Path, exchange: Path, log: Path) -> StudentProcess:
    """Start the student process in `workdir`; `exchange` is the folder for temporary files that both sides see."""
    ours, theirs = socket.socketpair()
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= _ALLOCATOR
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
    with theirs, log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "autograde.student", str(theirs.fileno())],
            cwd=workdir,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    return StudentProcess(process, Connection(ours), log, "process")
