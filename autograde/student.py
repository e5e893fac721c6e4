"""The student process: runs the cells of a notebook and the calls that the judge asks for.

Nothing here is trusted: code of the student's shares this process. It may lie in every answer, and gains nothing by it,
because answers are data, memory is measured from outside, and the tests are elsewhere.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import json
import os
import pickle
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from .block import LocalRun, Spec
from .calls import Counts, count_zarr_calls
from .conditions import settle, warm_up
from .errors import SubmissionError, kind_of
from .leftovers import named_arrays
from .lines import CELL_NAMES, cell_line, cell_name
from .meters import default_meter
from .types import Line, to_json, to_jsonable
from .wire import Closed, Connection, pack

__all__ = ["main"]

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_THP_DISABLE = 1, 36, 41
_MAX_TEXT = 4000
_MAX_COUNTS = 10_000  # chunks of which the judge is told, those with the most first
_POLL_SECONDS = 0.01  # this one finds the line; the judge's own poll, from outside, decides


class Student:
    """Serves one judge until it hangs up."""

    def __init__(self, connection: Connection) -> None:
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "NoColor"
        config.InteractiveShell.cache_size = 0  # Out[] would keep results alive
        shell: Any = InteractiveShell.instance(config=config)
        shell.showtraceback = shell.showsyntaxerror = self._remember
        self._shell = shell
        self._connection = connection
        self._kept: list[Any] = []
        self._run: LocalRun | None = None
        self._counts: dict[str, Callable[[], Counts]] = {}
        self._problem: dict[str, Any] | None = None

    def serve(self) -> None:
        while True:
            try:
                header, buffers = self._connection.receive()
            except Closed:
                return
            answers: list[bytes] = []
            try:
                handler: Callable[..., dict[str, Any]] = getattr(self, f"do_{header['op']}")
                answer = handler(header, buffers, answers)
            except SubmissionError as error:
                answer = {"problem": _problem(error, kinds=["SubmissionError"])}
                answers.clear()
            except BaseException as error:  # noqa: BLE001 - SystemExit and KeyboardInterrupt are answers like any other
                answer = {"problem": _problem(error)}
                answers.clear()
                error.__traceback__ = None
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
            try:
                self._connection.send(answer, answers)
            except Closed:
                return
            del answer, answers, buffers

    def do_cell(self, header: dict[str, Any], *_: Any) -> dict[str, Any]:
        """Run a cell as a kernel would."""
        label = str(header["label"])

        def name_cell(raw: str, transformed: str, number: int) -> str:
            name = f"<{label} #{len(CELL_NAMES)}>"
            CELL_NAMES[name] = label
            return name

        self._shell.compile.get_code_name = name_cell
        self._problem = None
        self._shell.run_cell(str(header["source"]), store_history=False)
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is not None:
            pyplot.close("all")  # as the inline backend does after each cell
        return {"problem": self._problem}

    def _remember(self, *args: Any, **kwargs: Any) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            self._problem = _problem(error)
            print("".join(traceback.format_exception_only(error)))  # noqa: T201 - into the log of this process

    def do_import(self, header: dict[str, Any], *_: Any) -> dict[str, Any]:
        """Import installed modules (never files beside the notebook), so that they belong to the baseline."""
        beside, sys.path[:] = sys.path[:], [entry for entry in sys.path if entry not in ("", str(Path.cwd()))]
        for name in header["modules"]:
            top = str(name).partition(".")[0]
            try:
                if importlib.util.find_spec(top) is not None:
                    importlib.import_module(str(name))
            except BaseException:  # noqa: BLE001 - the student's cell will fail in the same way and tell
                continue
        sys.path[:] = beside
        return {}

    def do_warm(self, *_: Any) -> dict[str, Any]:
        """Do once what libraries do at first use, so that it belongs to the baseline."""
        warm_up()
        gc.collect()
        gc.freeze()  # what is imported stays, and every block looks for garbage: 40 ms less for each
        sys.path.insert(0, "")  # from now on files beside the notebook can be imported, as in JupyterLab
        return {}

    def do_settle(self, *_: Any) -> dict[str, Any]:
        settle()
        return {"named_bytes": sum(size for _, size in named_arrays(self._shell.user_ns))}

    def do_begin(self, header: dict[str, Any], *_: Any) -> dict[str, Any]:
        """Start the student's own side of a measurement: it finds the lines, the judge takes the figures."""
        if self._run is not None:
            self._run.end()
        spec = Spec(header["ceiling_bytes"], header["predicted_bytes"], header["data_bytes"])
        note = Path(header["note"])
        note.unlink(missing_ok=True)
        self._run = LocalRun(
            spec,
            meter=default_meter(),
            interrupt=False,
            on_line=lambda line: _note(note, line),
            poll_seconds=_POLL_SECONDS,
            record=bool(header["record"]),
        )
        return {"leftovers": named_arrays(self._shell.user_ns)[:3]}

    def do_end(self, *_: Any) -> dict[str, Any]:
        run, self._run = self._run, None
        return {"measurement": None if run is None else to_jsonable(run.end())}

    def do_count(self, header: dict[str, Any], *_: Any) -> dict[str, Any]:
        self._counts[header["root"]] = count_zarr_calls(Path(header["root"]))
        return {}

    def do_counted(self, header: dict[str, Any], *_: Any) -> dict[str, Any]:
        read, written = self._counts.pop(header["root"])()
        return {"read": dict(read.most_common(_MAX_COUNTS)), "written": dict(written.most_common(_MAX_COUNTS))}

    def do_look(self, header: dict[str, Any], _: Any, answers: list[bytes]) -> dict[str, Any]:
        """What names are bound to: functions by name only, data as data."""
        found: dict[str, Any] = {}
        for name in header["names"]:
            if name not in self._shell.user_ns:
                continue
            value = self._shell.user_ns[name]
            found[name] = {"callable": True} if callable(value) else {"value": pack(value, answers, keep=self._keep)}
        return {"names": found}

    def do_call(self, header: dict[str, Any], buffers: list[bytearray], answers: list[bytes]) -> dict[str, Any]:
        """Call a function of the notebook, or a method of an object that was kept here."""
        args, kwargs = pickle.loads(buffers[0])
        if header.get("handle") is None:
            name = str(header["name"])
            if name not in self._shell.user_ns:
                raise NameError(f"name '{name}' is not defined")
            function = self._shell.user_ns[name]
        else:
            function = getattr(self._kept[header["handle"]], str(header["name"]))
        if self._run is not None:
            self._run.calls([function])
        return {"value": pack(function(*args, **kwargs), answers, keep=self._keep)}

    def _keep(self, value: Any) -> int:
        self._kept.append(value)
        return len(self._kept) - 1


def _note(path: Path, line: Line) -> None:
    """Leave word of a line for when this process has been ended, whole even if that is just now."""
    aside = path.with_name(f"{path.name}.new")
    aside.write_text(to_json(line))
    aside.replace(path)


def _problem(error: BaseException, *, kinds: list[str] | None = None) -> dict[str, Any]:
    """An exception as text: its classes by name, its message, and the student's lines that it came through."""
    if kinds is None:
        kinds = [base.__name__ for base in type(error).__mro__ if base.__module__ in ("builtins", "zarr.errors")]
        kinds = list(dict.fromkeys([kind_of(error), *kinds]))
    try:
        message = str(error.args[0]) if isinstance(error, KeyError) and len(error.args) == 1 else str(error)
    except Exception:  # noqa: BLE001 - an exception of the student's own may fail to print itself
        message = "(its message cannot be shown)"
    line, text = _trace(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename is not None and cell_name(error.filename) is not None:
        line = cell_line(error.filename, error.lineno or 1, "<module>")
        message = str(error.msg)
    return {
        "kinds": kinds[:20],
        "message": message[:_MAX_TEXT],
        "line": None if line is None else to_jsonable(line),
        "traceback": text[-_MAX_TEXT:],
    }


def _trace(tb: TracebackType | None) -> tuple[Line | None, str]:
    """The innermost line in a cell, and the way there: the cells' own lines, and where it ended."""
    line = None
    rows: list[str] = []
    last = ""
    for summary in traceback.extract_tb(tb):
        if cell_name(summary.filename) is not None:
            line = cell_line(summary.filename, summary.lineno or 0, summary.name)
            rows.append(f"{line.cell}, line {line.number}: {line.text}")
            last = ""
        elif rows:
            last = f"  in {Path(summary.filename).name}, {summary.name}: {summary.line}"
    return line, "\n".join([*rows, last] if last else rows)


def _limit(name: str, most: int) -> None:
    """Lower a limit of this process and of all that it starts; never raises one."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_DATA, (resource.getrlimit(resource.RLIMIT_DATA)[1],) * 2)  # the judge's own
    which = getattr(resource, name)
    hard = resource.getrlimit(which)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (most, most))


def main() -> None:
    """Serve the judge on the socket whose file descriptor is the first argument."""
    if sys.platform == "linux":
        # children that outlive their parent come back to us, so that the meter sees them and the judge can end them
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        ctypes.CDLL(None).prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)  # a poll misses less; in a sandbox for good
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a judge that was killed leaves nobody
    for name, most in json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}").items():
        _limit(name, most)
    sock = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(sock.fileno(), False)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=sock.close)  # a copy of this process must not answer in its place
    Student(Connection(sock)).serve()


if __name__ == "__main__":
    main()
