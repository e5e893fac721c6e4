"""A student process for one notebook: started, replayed after it has died, and asked to run what the tests call."""

from __future__ import annotations

import builtins
import contextlib
import json
import os
import pickle
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cloudpickle

from .bubblewrap import hand_over
from .errors import CourseError, JudgeError, SubmissionError
from .folders import remove_tree
from .guard import Guard, Hit
from .hidden import HiddenData
from .limits import LIMIT_PROBLEM, Limits
from .notebook import Cell, Kind, Notebook, imported_modules
from .poll import Meter
from .sandbox import StudentProcess, start_student
from .types import Line, Problem
from .wire import MAX_BODY_BYTES, BadTree, Closed, TimedOut, check_zarr_tree, unpack

__all__ = ["Job", "OutOfTime", "Proxy", "RemoteArray", "Session", "StudentDied", "StudentError"]

_KEEP_OUTPUT = 4000
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """What the judge is asked to do with one notebook. Paths are absolute."""

    name: str
    source: str  # path of the instructor's notebook, or of the released one where there is no other
    submission: str  # path of the student's notebook
    folder: str  # the assignment's folder: its files (not notebooks) lie beside the notebook when it runs
    cell_seconds: float = 120.0  # for one cell of the notebook
    test_seconds: float = 120.0  # for the student's calls of one test together; the test's own work does not count
    ceiling_scale: float = 1.0
    ceilings: dict[str, int] = field(default_factory=dict)  # by exercise or test: another ceiling in bytes
    only: tuple[str, ...] | None = None  # tests to run; None: all
    in_place: bool = False  # run in `folder` itself, as JupyterLab does, and not in a copy of it
    skip_plain: bool = False  # leave out cells that are neither set-up nor solution (verify does)
    stop_at_failure: bool = False  # the first test that does not pass is the last (verify does)
    baselines: str | None = None  # path of a JSON file to keep what the notebook holds as handed out
    seed: int | None = None  # of hidden data; the student process is not told
    sandbox: str = "process"  # around the student process: "bubblewrap" or "process"
    limits: Limits = field(default_factory=Limits)


class OutOfTime(BaseException):
    """The time of a test is over. Not an Exception, so that no test catches it."""


class StudentError(Exception):
    """An exception that was raised in the student process, raised again here as the same built-in class."""

    problem: Problem

    def __str__(self) -> str:
        return self.problem.message


class StudentDied(StudentError):
    """The student process ended while it was running a call, or before it could."""

    def __init__(self, how: str, hit: Hit | None = None) -> None:
        super().__init__(how)
        self.hit = hit
        if hit is None:
            self.problem = Problem("Died", f"the Python process ended while this ran: {how}", True)
        else:
            self.problem = Problem(LIMIT_PROBLEM, f"your code {hit.words}, which is the limit, and was stopped", True)


def _student_error(problem: dict[str, Any]) -> StudentError:
    """A `StudentError` that is also the nearest built-in exception, so that `pytest.raises` works as authors expect."""
    kinds = [str(kind) for kind in problem.get("kinds", ())] or ["Exception"]
    base: type[BaseException] | None = None
    for kind in kinds:
        candidate = getattr(builtins, kind, None)
        if isinstance(candidate, type) and issubclass(candidate, Exception):
            base = candidate
            break
    facts = Problem(kinds[0][:80], str(problem["message"]), True, _line(problem.get("line")), str(problem["traceback"]))
    try:
        error = type(kinds[0][:80], (StudentError, base or Exception), {})(facts.message)
    except TypeError:  # built-in classes that want more than a message
        error = type(kinds[0][:80], (StudentError, ValueError), {})(facts.message)
    error.problem = facts
    assert isinstance(error, StudentError)
    return error


def _line(data: Any) -> Line | None:
    if not isinstance(data, dict):
        return None
    function = data.get("function")
    return Line(
        cell=str(data.get("cell"))[:80],
        number=int(data.get("number", 0)),
        text=str(data.get("text", ""))[:300],
        function=None if function is None else str(function)[:80],
    )


class Session:
    """A student process for one notebook, started again and replayed when it has died."""

    def __init__(self, notebook: Notebook, job: Job, folder: Path, *, reference: bool = False) -> None:
        self.notebook = notebook
        self._job = job
        self._folder = folder
        self._reference = reference  # the notebook as handed out, to see what it holds without the student's answers
        self._student: StudentProcess | None = None
        self._done = 0  # cells that this process has run or skipped
        self._deadly: set[int] = set()  # cells that ended a process: not run again
        self.cell_problems: dict[str, Problem] = {}
        self.handed_out_bytes: dict[str, int] = {}  # held before each test by the notebook as handed out
        self._extra_bytes = 0  # modules that the student imports beyond those of the source
        self.source_modules: tuple[str, ...] = ()
        self.seconds_left = _START_SECONDS  # that the student's code may still take for what it is doing
        self._notebook_seconds_left = job.limits.notebook_seconds
        self._guard: Guard | None = None
        self._hidden: HiddenData | None = None
        self.exchange = folder / "exchange"
        self.workdir = Path(job.folder) if job.in_place else folder / "work"
        self.fixed: tuple[Path, ...] = ()  # the assignment's own files in `workdir`: tests may compare with them
        self.note = self.exchange / ".line.json"
        self._log = folder / "student.log"

    # --- the process

    @property
    def student(self) -> StudentProcess:
        if self._student is None:
            raise StudentDied("the student process is not running")
        return self._student

    @property
    def alive(self) -> bool:
        return self._student is not None

    def end(self) -> None:
        """Kill the process, if there is one."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.stop()
        if self._student is not None:
            self._student.end()
            self._student = None
        if guard is not None:
            guard.tidy()
        self._done = 0

    def close(self) -> None:
        """End, and leave nothing outside of the session's folder."""
        self.end()
        if self._hidden is not None:
            self._hidden.remove()
            self._hidden = None

    def _start(self) -> None:
        if self._fenced:
            for folder in (self.workdir, self.exchange):
                hand_over(folder)
        readable, covered = self._data()
        self._student = start_student(
            workdir=self.workdir,
            exchange=self.exchange,
            log=self._log,
            sandbox=self._job.sandbox,
            readable=readable,
            covered=covered,
            fixed=self.fixed,
            limits=self._job.limits,
        )
        self._guard = Guard(self._student, self._job.limits, (self.exchange, self.workdir))
        self._guard.start()
        try:
            with self.our_time():
                for cell in self.notebook.cells:
                    if cell.kind is Kind.SETUP:
                        self.ask("cell", label=cell.label, source=cell.source)
                self.ask("import", modules=self.source_modules)
                self.ask("warm")
                if not self._reference:
                    before = self.held()
                    texts = [cell.source for cell in self.notebook.cells if cell.runs_for_student]
                    modules = [name for name in imported_modules(texts) if name not in self.source_modules]
                    if modules:
                        self.ask("import", modules=modules)
                        self._extra_bytes = max(self.held() - before, 0)
        except (StudentError, TimedOut) as error:
            self.end()
            raise JudgeError(f"the student process did not start: {error}; see its output: {self.output()}") from error

    @contextlib.contextmanager
    def our_time(self, seconds: float = _START_SECONDS) -> Iterator[None]:
        """What is asked in the block is our doing: it may take `seconds`, and none of it off the student's time."""
        before = self.seconds_left, self._notebook_seconds_left
        self.seconds_left = seconds
        try:
            yield
        finally:
            self.seconds_left, self._notebook_seconds_left = before

    @property
    def _fenced(self) -> bool:
        return self._job.sandbox == "bubblewrap"

    def _data(self) -> tuple[tuple[Path, ...], dict[Path, Path]]:
        """What the sandbox shows beyond the submission, and covers of it: the data, and what is hidden there."""
        named = os.environ.get("AUTOGRADE_DATA")
        if not self._fenced or not named or not (Path(named).is_dir() or "data_scripts.store" in sys.modules):
            return (), {}
        if self._hidden is None:
            self._hidden = HiddenData(Path(named).absolute())
        return (Path(named).absolute(),), {self._hidden.covered: self._hidden.view}

    def _common(self) -> list[Path]:
        """Folders that both sides see."""
        named = os.environ.get("AUTOGRADE_DATA")
        data = [Path(named).resolve()] if named else []
        return [self.exchange.resolve(), self.workdir.resolve(), *data]

    def held(self, *, unnamed: bool = False) -> int:
        """Held memory in bytes once garbage is gone; `unnamed`: without arrays that have a name in the notebook."""
        with self.our_time():
            answer, _ = self.ask("settle")
        return self.meter().read().total_bytes - (int(answer["named_bytes"]) if unnamed else 0)

    def meter(self) -> Meter:
        """The meter of the student process's tree."""
        return self.student.meter()

    def ask(self, op: str, buffers: list[bytes] | None = None, **header: Any) -> tuple[dict[str, Any], list[bytearray]]:
        """Send a request and wait for its answer; between two requests the student's processes are frozen.

        Raises `StudentError` for a problem over there, or `OutOfTime`.
        """
        student, guard = self.student, self._guard
        assert guard is not None
        if self._fenced:
            hand_over(self.exchange)
        began = time.monotonic()
        try:
            student.thaw()
            guard.watch(True)
            student.connection.send({"op": op, **header}, buffers)
            answer, data = student.connection.receive(
                deadline=began + self.seconds_left, max_body_bytes=min(MAX_BODY_BYTES, self._job.limits.memory_bytes)
            )
            student.freeze()
            guard.look()
            problem = answer.get("problem")
            error = None if problem is None else _student_error(problem)
        except Closed:
            how = student.how_it_ended()
            self.end()
            raise StudentDied(how, guard.hit) from None
        except TimedOut:
            self.end()
            raise OutOfTime from None
        except (
            SubmissionError,
            JudgeError,
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
            MemoryError,
        ) as trouble:
            self.end()  # what it says next could not be told from what it should have said
            raise StudentDied(f"its answer was not well formed ({trouble})", guard.hit) from None
        finally:
            guard.watch(False)
            self.seconds_left -= time.monotonic() - began
            self._notebook_seconds_left -= time.monotonic() - began
        if guard.hit is not None:
            self.end()
            raise StudentDied(guard.hit.words, guard.hit)
        if error is not None and op != "cell":
            raise error
        return answer, data

    @property
    def exhausted(self) -> Problem | None:
        """What to say when the time of the whole notebook is over."""
        if self._notebook_seconds_left > 0:
            return None
        words = f"your code took more than {self._job.limits.notebook_seconds:.0f} s in this notebook"
        return Problem(LIMIT_PROBLEM, f"{words}, which is the limit, and was stopped", True)

    def allow(self, seconds: float) -> None:
        """Give the student's code time for a cell, or for the calls of a test, out of what the notebook has left."""
        self.seconds_left = min(seconds, max(self._notebook_seconds_left, 0.0))
        limits = self._job.limits
        with contextlib.suppress(OSError):  # what one cell printed shall not leave the next one without room
            if self._log.stat().st_size > min(limits.output_bytes, limits.file_bytes) // 2:
                os.truncate(self._log, 0)
        if self._guard is not None:
            self._guard.next_cell()

    # --- cells

    def run_until(self, index: int) -> None:
        """Run the student's cells before position `index`, in a new process if the last one has ended."""
        if self._hidden is not None:
            self._hidden.cover()
        if self._student is None:
            self._start()
        for position in range(self._done, index):
            cell = self.notebook.cells[position]
            if cell.runs_for_student and position not in self._deadly and not self._skipped(cell):
                self._run_cell(position, cell)
                if self._student is None:  # the cell ended the process: start again without it
                    self.run_until(index)
                    return
            self._done = position + 1

    def _skipped(self, cell: Cell) -> bool:
        if cell.kind is Kind.PLAIN:
            return self._job.skip_plain
        return cell.kind is Kind.SOLUTION and (self._reference or not cell.source.strip())

    def _run_cell(self, position: int, cell: Cell) -> None:
        self.allow(self._job.cell_seconds)
        try:
            answer, _ = self.ask("cell", label=cell.label, source=cell.source)
        except StudentDied as error:
            self._deadly.add(position)
            how = error.args[0] if error.hit is None else f"it {error.hit.words} and was stopped"
            self.cell_problems[cell.label] = Problem("Died", f"this cell ended the Python process: {how}", True)
            return
        except OutOfTime:
            self._deadly.add(position)
            text = f"this cell was still running after {self._job.cell_seconds:.0f} s and was stopped"
            self.cell_problems[cell.label] = Problem("TimedOut", text, True)
            return
        if answer.get("problem") is not None:
            self.cell_problems[cell.label] = _student_error(answer["problem"]).problem
        else:
            self.cell_problems.pop(cell.label, None)

    def baseline_bytes(self, test: str) -> int:
        """What the notebook as handed out holds before `test`, plus the student's own modules."""
        return self.handed_out_bytes[test] + self._extra_bytes

    def noted_line(self) -> Line | None:
        """The line that the student's side noted at the last peak before its process was ended."""
        try:
            with os.fdopen(os.open(self.note, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                return _line(json.loads(file.read(_KEEP_OUTPUT)))
        except (OSError, ValueError, TypeError):
            return None

    def output(self) -> str:
        """The end of what the student's process printed."""
        try:
            with self._log.open("rb") as file:
                file.seek(max(self._log.stat().st_size - _KEEP_OUTPUT, 0))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    # --- names

    def look(self, names: list[str]) -> dict[str, Any]:
        """Proxies for functions, values for data; names that are not bound are left out."""
        if not names:
            return {}
        answer, buffers = self.ask("look", names=names)
        found: dict[str, Any] = {}
        for name, entry in answer["names"].items():
            if entry.get("callable"):
                found[str(name)] = Proxy(self, str(name))
            else:
                found[str(name)] = unpack(entry["value"], buffers, lazy=self._lazy)
        return found

    def call(self, name: str, args: Any, kwargs: Any, *, handle: int | None = None) -> Any:
        """Run a function over there."""
        try:
            payload = cloudpickle.dumps((args, kwargs))
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            raise CourseError(
                f"an argument of {name} cannot cross to the student process ({error}). Test cells use data, paths, "
                "stateless functions and picklable iterables; no generators, open files or clients."
            ) from error
        if self._hidden is not None:
            self._hidden.show()
        answer, buffers = self.ask("call", [payload], name=name, handle=handle)
        self._check_exchange()
        return unpack(answer.get("value"), buffers, lazy=self._lazy)

    def _check_exchange(self) -> None:
        """Refuse what must not be opened, and take it away, so that it costs this test alone."""
        try:
            check_zarr_tree(self.exchange)
        except BadTree as error:
            if error.path.is_dir() and not error.path.is_symlink():
                remove_tree(error.path)
            else:
                error.path.unlink(missing_ok=True)
            raise

    def _lazy(self, tree: dict[str, Any]) -> Any:
        if tree["k"] == "dask":
            return RemoteArray(self, tree)
        import zarr

        root = Path(str(tree["root"])).resolve()
        if not any(root.is_relative_to(place) for place in self._common()):
            raise SubmissionError(
                f"the zarr folder {root.name} is not where the tests look: write it to the path given"
            )
        check_zarr_tree(root)
        opener = zarr.open_array if tree["node"] == "array" else zarr.open_group
        return opener(store=str(root), path=str(tree["path"]), mode="r")


class Proxy:
    """A function of the student's: calling it runs it in the student process."""

    def __init__(self, session: Session, name: str) -> None:
        self._session = session
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._session.call(self.__name__, args, kwargs)


class RemoteArray:
    """A dask array that stays in the student process: shape, dtype and chunks are known here, computing happens there."""

    def __init__(self, session: Session, tree: dict[str, Any]) -> None:
        import numpy as np

        self._session = session
        self._handle = int(tree["handle"])
        self.shape = tuple(tree["shape"])
        self.chunks = tuple(tuple(axis) for axis in tree["chunks"])
        self.dtype = np.dtype(str(tree["dtype"])[:20])
        self.ndim = len(self.shape)

    def compute(self, **kwargs: Any) -> Any:
        return self._session.call("compute", (), kwargs, handle=self._handle)

    def __getitem__(self, key: Any) -> Any:
        return self._session.call("__getitem__", (key,), {}, handle=self._handle)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        import dask.array as da

        return da.Array
