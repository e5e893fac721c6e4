"""Judges as processes: one for each notebook, forked from a warm one where there is one (Linux).

Imports are a good part of what judging a small notebook costs, so a class and a gallery are judged by copies of a process
that has done them. It has no threads, holds no secret, is asked over a socket that nobody else has, and ends with whoever
asks; its judges end with it.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from .course import data_folder
from .errors import CourseError, JudgeError
from .judge import EXIT_CODES, main
from .notebook import Kind, Notebook, imported_modules
from .sandbox import JUDGED
from .session import Job
from .types import Outcome, from_json, to_json

__all__ = ["run_job", "warm_judges"]

_TEXT_BYTES = 2000


def run_job(job: Job, facts: Path, *, told: Callable[[Outcome], None] = lambda outcome: None) -> list[Outcome]:
    """Judge a notebook in a process of its own; each outcome is appended to `facts` as a line of JSON when it is there.

    Raises `CourseError` for broken course material and inside of a notebook that is being judged, `SubmissionError` for an
    unreadable notebook, `StorageError` when facts cannot be written, `JudgeError` when the judge itself fails.
    """
    if JUDGED in os.environ:
        raise CourseError("this runs in a notebook that is being judged, which must not have notebooks judged in turn")
    process = _start(facts.absolute(), {**os.environ, **_environment(job)})
    outcomes: list[Outcome] = []
    errors: list[bytes] = []
    drain = threading.Thread(target=lambda pipe: errors.append(pipe.read()), args=(process.stderr,), daemon=True)
    drain.start()
    try:
        with contextlib.suppress(BrokenPipeError):  # it has ended; how, is told below
            process.stdin.write(to_json(job).encode())
            process.stdin.close()
        for line in process.stdout:
            outcome = from_json(Outcome, line)
            outcomes.append(outcome)
            told(outcome)
        code = process.wait()
        drain.join()
    except BaseException:
        process.terminate()  # it ends its student process on the way out
        process.wait()
        raise
    finally:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        process.stderr.close()
    text = b"".join(errors).decode("utf-8", "replace").strip()
    for error, exit_code in EXIT_CODES.items():
        if code == exit_code:
            raise error(text)
    if code != 0:
        raise JudgeError(f"the judge of {job.submission} ended with code {code}: {text[-_TEXT_BYTES:]}")
    return outcomes


def _environment(job: Job) -> dict[str, str]:
    """What a judge process wants of its environment."""
    wanted = {"PYTHONUNBUFFERED": "1", "MPLBACKEND": "agg"}
    wanted["AUTOGRADE_DATA"] = os.environ.get("AUTOGRADE_DATA") or str(data_folder(Path(job.source).parent))
    if job.seed is not None:
        wanted["AUTOGRADE_SEED"] = str(job.seed)
    return wanted


# --- whoever asks -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Judge:
    """A judge process: its pipes, and how to wait for it and end it."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]
    wait: Callable[[], int]
    terminate: Callable[[], None]


def _start(facts: Path, environment: dict[str, str]) -> _Judge:
    warm = _Warm.here
    if warm is not None:
        with contextlib.suppress(OSError):  # it has ended, or ends just now: this judge starts by itself
            return warm.judge(facts, environment)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "autograde.judge", str(facts)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    return _Judge(process.stdin, process.stdout, process.stderr, process.wait, process.terminate)


@contextlib.contextmanager
def warm_judges(notebooks: Iterable[Notebook]) -> Iterator[None]:
    """Fork judges from a process that has imported what the set-up cells of `notebooks` import, while the block runs.

    Judges that are left at its end are ended.

    Elsewhere than on Linux nothing changes: libraries of macOS do not survive a fork. Within another such block, too.
    """
    if sys.platform != "linux" or _Warm.here is not None:
        yield
        return
    texts = [cell.source for book in notebooks for cell in book.cells if cell.kind is Kind.SETUP]
    warm = _Warm.here = _Warm(imported_modules(texts))
    try:
        yield
    finally:
        _Warm.here = None
        warm.end()


class _Warm:
    """The warm process, as whoever asks it sees it."""

    here: _Warm | None = None  # one for each process that grades

    def __init__(self, modules: Iterable[str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "autograde.jobs", str(theirs.fileno()), *modules],
                stdin=subprocess.DEVNULL,
                env=os.environ | {"MPLBACKEND": "agg"},
                pass_fds=(theirs.fileno(),),
            )

    def judge(self, facts: Path, environment: dict[str, str]) -> _Judge:
        """A new judge. Raises `OSError` where the process is gone."""
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            pipes = [os.pipe() for _ in range(4)]  # input, output, errors, and how it ends
            for number, ends in enumerate(pipes):
                mine = ends[1] if number == 0 else ends[0]
                ours.callback(os.close, mine)
                theirs.callback(os.close, ends[0] if number == 0 else ends[1])
            socket.send_fds(self._socket, [b"judge"], [pipes[0][0], *(ends[1] for ends in pipes[1:])])
            theirs.close()
            status = os.fdopen(os.dup(pipes[3][0]), "rb", buffering=0)
            pid = int(_line(status) or b"0")
            if not pid:
                status.close()
                raise ConnectionResetError("the warm process has ended")
            ours.pop_all()
            os.close(pipes[3][0])
        stdin, stdout, stderr = os.fdopen(pipes[0][1], "wb"), os.fdopen(pipes[1][0], "rb"), os.fdopen(pipes[2][0], "rb")

        def wait() -> int:
            with status:
                return int(_line(status) or b"-9")

        def terminate() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

        stdin.write(json.dumps({"facts": str(facts), "environment": environment}).encode() + b"\n")
        return _Judge(stdin, stdout, stderr, wait, terminate)

    def end(self) -> None:
        self._socket.close()
        self._process.wait()


def _line(pipe: Any) -> bytes:
    """A line of a pipe; empty where the other side is gone."""
    found = b""
    while not found.endswith(b"\n"):
        more: bytes = pipe.read(1)
        if not more:
            return b""
        found += more
    return found


# --- the warm process -------------------------------------------------------------------------------------------------


def serve(sock: socket.socket, modules: Sequence[str]) -> None:
    """Import `modules`, then fork a judge for each request until whoever asks is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who has asked decides what Ctrl-C ends
    for name in modules:
        with contextlib.suppress(ImportError):  # the judge says it better
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # what is imported stays shared
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(ended, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    told: dict[int, int] = {}  # where to tell how a judge ended, by its process id
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select()]
            if ended in ready:
                os.read(ended, 4096)
                _bury(told)
            if sock in ready:
                message, pipes, _, _ = socket.recv_fds(sock, 16, 4)
                if not message:
                    return
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # threads of a linear algebra library, which sees to forks itself
                    pid = os.fork()
                if pid == 0:
                    sock.close()
                    signal.set_wakeup_fd(-1)
                    for other in (ended, wake, *told.values()):
                        os.close(other)
                    _judge(pipes)
                told[pid] = pipes[3]
                for pipe in pipes[:3]:
                    os.close(pipe)
                os.write(pipes[3], b"%d\n" % pid)


def _bury(told: dict[int, int]) -> None:
    while told:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        pipe = told.pop(pid)
        with contextlib.suppress(BrokenPipeError):
            os.write(pipe, b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(pipe)


def _judge(pipes: Sequence[int]) -> NoReturn:
    """Become a judge, as if started anew."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, pipe in enumerate(pipes[:3]):
            os.dup2(pipe, number)
        for pipe in pipes:
            os.close(pipe)
        header = json.loads(sys.stdin.buffer.readline())
        os.environ.clear()
        os.environ.update(header["environment"])
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()  # or all judges would draw the same
        main(Path(header["facts"]))
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001 - whoever has asked is told
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
