"""`ceiling` and `measure`: what a block of code held, and whether that was allowed.

The same two names work in two places. In a notebook or a script the block runs in this process, which measures itself. In
the judge the block's calls run in the student's process, and the judge measures that: `use_bench` says which.
"""

from __future__ import annotations

import _thread
import ctypes
import html
import linecache
import re
import signal
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType, TracebackType
from typing import Any, Protocol, Self

from .calls import Counts, count_zarr_calls
from .chart import chunk_chart, chunk_text, memory_chart, memory_text
from .conditions import WARMED, give_up_zarr, interruptible, let_pools_finish, pinned, settle, thread_frames, warm_up
from .errors import CourseError
from .explain import explain_kept, explain_memory
from .habits import joined_in
from .leftovers import kept_by_cells
from .lines import Seen, cell_line, cell_name, functions_named, ipython_shell, seen_from, stands_at_top_of_cell
from .machine import available_bytes
from .meters import default_meter
from .poll import POLL_SECONDS, Meter, Poller
from .recording import Held, recorded
from .types import Growth, Line, Measurement, SizeError, Touched, format_bytes, parse_bytes, to_jsonable

__all__ = [
    "LIMIT_FACTOR",
    "MEASUREMENT_MIME",
    "Bench",
    "LocalBench",
    "LocalRun",
    "MemoryCeilingExceeded",
    "Run",
    "Spec",
    "ceiling",
    "current_bench",
    "measure",
    "use_bench",
]

#: A runaway block is stopped at this multiple of its ceiling ...
LIMIT_FACTOR = 4
#: ... or when it holds this part of the memory that was free, whichever comes first.
_FREE_PART = 0.7
#: Facts ride along with the chart, so that `autograde verify` can read what a kernel measured.
MEASUREMENT_MIME = "application/vnd.autograde.measurement+json"
TOUCHED_MIME = "application/vnd.autograde.touched+json"
#: As long the stop of a block may wait for a better moment.
_PATIENCE_SECONDS = 0.5
#: Who predicts fewer bytes than this has left out the unit.
_LEAST_PREDICTED_BYTES = 10_000
#: Messages are wrapped here, so that JupyterLab does not break them inside of a word.
_LINE_WIDTH = 92
#: File and line of the blocks that broke their ceiling the last time they ran.
_BROKEN: set[tuple[str, int]] = set()


class MemoryCeilingExceeded(AssertionError):
    """A block held more memory than its ceiling. `measurement` has the facts; the text says which line, and what to try."""

    def __init__(self, message: str, measurement: Measurement) -> None:
        super().__init__(message)
        self.measurement = measurement

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.measurement)  # a pool of processes hands it on

    def _render_traceback_(self) -> list[str]:
        """What IPython shows instead of a traceback: the message is the help, the stack inside this package is not."""
        text, _, advice = str(self).partition(" Try: ")
        lines = textwrap.wrap(f"MemoryCeilingExceeded: {text}", _LINE_WIDTH, break_long_words=False)
        lines[0] = lines[0].replace("MemoryCeilingExceeded", "\x1b[1;31mMemoryCeilingExceeded\x1b[0m", 1)
        if advice:
            lines += textwrap.wrap(f"Try: {advice}", _LINE_WIDTH, break_long_words=False)
        return lines


@dataclass(frozen=True, slots=True)
class Spec:
    """What a block asks for."""

    ceiling_bytes: int | None
    predicted_bytes: int | None = None
    data_bytes: int | None = None
    growth: Growth | None = None  # then the ceiling comes from a run on less data, and no setting changes it
    place: tuple[str, int] | None = None  # file and line of the block
    calls: tuple[FunctionType, ...] = ()  # functions that the block can call, as far as its code names them


class Run(Protocol):
    """One block while it is being measured."""

    def end(self) -> Measurement:
        """Stop measuring and tell what was seen."""


class Bench(Protocol):
    """Where blocks run, and who is told about them."""

    def begin(self, spec: Spec) -> Run:
        """Start to measure a block."""

    def show(self, measurement: Measurement) -> None:
        """Present a finished measurement."""

    def show_touched(self, touched: Touched) -> None:
        """Present the chunks that a block has read and written."""

    def count(self, root: Path) -> Callable[[], Counts]:
        """Count zarr's calls below `root` where the code of the cell runs, until the function is called: read, written."""

    def postpone(self, error: MemoryCeilingExceeded) -> bool:
        """Keep `error` until the cell has ended, so that it is known whether the answer is right. False: raise it now."""


class _Block:
    """A measured block. Not for two threads at once, and not to be entered twice."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._run: Run | None = None
        self.measurement: Measurement | None = None

    @property
    def peak_bytes(self) -> int | None:
        """Peak of held memory above the baseline in bytes; None before the end of the block and where not observed."""
        return None if self.measurement is None else self.measurement.peak_bytes

    def __enter__(self) -> Self:
        if self._run is not None:
            raise CourseError(
                "this block has been entered before: a block measures once, so write `with ...` with a new one"
            )
        self._bench = _bench
        frame = sys._getframe(1)
        self._top_level = stands_at_top_of_cell(frame)
        calls = functions_named(frame.f_code, frame.f_globals)
        self._run = self._bench.begin(
            replace(self._spec, place=(frame.f_code.co_filename, frame.f_lineno), calls=calls)
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._run is not None
        measurement = self.measurement = self._run.end()
        self._bench.show(measurement)
        if measurement.stopped:
            raise MemoryCeilingExceeded(explain_memory(measurement), measurement) from None
        if error is not None and not isinstance(error, MemoryError):
            return  # the code failed first: that is what the student has to mend first
        if measurement.exceeded:
            exceeded = MemoryCeilingExceeded(explain_memory(measurement), measurement)
            if not (error is None and self._top_level and self._bench.postpone(exceeded)):
                raise exceeded from error


class ceiling(_Block):
    """Fail a block that holds more memory than `limit`, and show a chart of its memory over time.

    `limit` is a size such as "64 MiB". Counted is held memory (anonymous, shared and swapped, of this process and its
    children) above what was held when the block began. `data` is the size of the data that is worked on, for the message
    and the chart. Raises `MemoryCeilingExceeded` (an `AssertionError`); in a notebook, where the block stands at the top
    of a cell, after the rest of the cell has run, so that the message can say whether the answer is right. Runaway code is
    stopped at 4 x `limit` or 70 % of the memory that was free. Inside, dask and zarr use two threads. Blocks may stand in
    each other and in threads; all threads of the process count. What a generator or a lazy result does after the block is
    not measured: compute it inside. A ceiling below the meter's error raises `SizeError`, a `ValueError`.

    Example:
        with ceiling("64 MiB") as m:
            result = f(x)
        print(m.peak_bytes)
    """

    def __init__(self, limit: str | int, *, data: str | int | None = None) -> None:
        ceiling_bytes = parse_bytes(limit)
        meter = default_meter()
        if ceiling_bytes < meter.finest_bytes:
            raise SizeError(
                f"a ceiling of {format_bytes(ceiling_bytes)} is finer than the meter `{meter.name}` can tell: "
                f"expected at least {format_bytes(meter.finest_bytes)}"
            )
        super().__init__(Spec(ceiling_bytes, data_bytes=None if data is None else parse_bytes(data)))


class measure(_Block):
    """Show a chart of what a block held over time, beside what you `predicted`; never fails for memory.

    Only code that would take 70 % of the free memory is stopped, with `MemoryCeilingExceeded`.

    Example:
        with measure(predicted="40 MiB") as m:
            result = f(x)
        print(m.peak_bytes)
    """

    def __init__(self, *, predicted: str | int | None = None, data: str | int | None = None) -> None:
        if isinstance(predicted, int) and predicted < _LEAST_PREDICTED_BYTES:
            raise SizeError(f"expected a size above zero with its unit, such as '20 MiB', got {predicted}")
        super().__init__(
            Spec(
                None,
                predicted_bytes=None if predicted is None else parse_bytes(predicted),
                data_bytes=None if data is None else parse_bytes(data),
            )
        )


# --- this process measures itself ---------------------------------------------------------------------------------


class LocalRun:
    """A block in this process: a poll of held memory, the student's line at each new peak, memray for what was held.

    memray looks at every call (`meter.py parts` prints what that takes), so it is to `record` only where it is known that
    a ceiling was broken, or where there is no second time.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        meter: Meter,
        interrupt: bool = True,
        on_line: Callable[[Line], None] | None = None,
        poll_seconds: float = POLL_SECONDS,
        record: bool = True,
    ) -> None:
        self._spec = spec
        self._thread_id = threading.get_ident()
        self._interrupt = interrupt
        self._on_line = on_line
        self._grown: Counter[Line | None] = Counter()  # bytes of the peak by the line that ran when they came
        self._line: Line | None = None  # the one that ran at the last peak
        self._noted: Line | None = None  # what `on_line` was told
        self._called: Seen | None = None  # where a function that the block has called was seen last
        self._outside_bytes = 0  # that came while no function of the student's ran
        self._promises: dict[Line, str] = {}  # whole axes that functions it can call join for later, and their files
        self.calls(spec.calls)
        self._inside = False  # the block has begun, and not ended yet
        self._stop_by: float | None = None  # by then it is interrupted wherever it is
        self._stack = ExitStack()
        if interrupt and _in_main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            # as in a process that was started in the background of a shell, and then nothing would wake it
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._stack.callback(signal.signal, signal.SIGINT, signal.SIG_IGN)
        settle()
        self._stack.enter_context(pinned())
        self._held = self._stack.enter_context(recorded()) if record else Held()
        self._baseline = meter.read()
        self._seen_bytes = self._baseline.total_bytes  # the last peak that was looked at
        self._available_bytes = available_bytes()
        limit = _FREE_PART * self._available_bytes
        if spec.ceiling_bytes is not None:
            limit = min(limit, LIMIT_FACTOR * spec.ceiling_bytes)
        self._poller = Poller(
            meter,
            limit_bytes=int(self._baseline.total_bytes + limit),
            on_peak=self._look,
            on_limit=self._stop_block if interrupt else None,
            seconds=poll_seconds,
        )
        self._began = time.perf_counter()
        self._poller.start()
        self._inside = True

    def calls(self, functions: Iterable[object]) -> None:
        """Hear which functions the block calls: what one of them promises may be held later, and outside of it."""
        for function in functions:
            if isinstance(function, FunctionType) and cell_name(function.__code__.co_filename) is not None:
                self._promise(function.__code__.co_filename, function.__code__.co_firstlineno)

    def _promise(self, file: str, number: int) -> None:
        joined = joined_in("".join(linecache.getlines(file)), number)
        if joined is not None:
            self._promises = {**self._promises, cell_line(file, *joined): file}  # anew: two threads may be here

    def end(self) -> Measurement:
        self._inside = False
        try:
            seconds = time.perf_counter() - self._began
            peak = self._poller.stop()
        except KeyboardInterrupt:  # our own, sent while the block was just ending
            peak = self._poller.stop()
        self._stack.close()
        if peak.stopped and self._interrupt:
            let_pools_finish()
        base = self._baseline
        called = None if self._called is None else self._called.file
        reading = peak.reading
        peak_bytes = None if reading is None else max(reading.total_bytes - base.total_bytes, 0)
        seen = Measurement(
            meter=self._poller.meter_name,
            peak_bytes=peak_bytes,
            ceiling_bytes=self._spec.ceiling_bytes,
            wall_seconds=seconds,
            baseline_bytes=base.total_bytes,
            shared_bytes=None if reading is None else max(reading.shared_bytes - base.shared_bytes, 0),
            child_bytes=None if reading is None else max(reading.child_bytes - base.child_bytes, 0),
            stopped=peak.stopped and self._interrupt,
            line=self._held.line(at_least_bytes=(peak_bytes or 0) // 2, cell=called) or self._most(peak_bytes or 0),
            allocations=tuple(self._held.allocations),
            predicted_bytes=self._spec.predicted_bytes,
            data_bytes=self._spec.data_bytes,
            available_bytes=self._available_bytes,
            growth=self._spec.growth,
            samples=tuple((round(at, 4), max(size - base.total_bytes, 0)) for at, size in peak.samples),
        )
        if self._spec.place is not None and self._spec.ceiling_bytes is not None:
            (_BROKEN.add if seen.exceeded else _BROKEN.discard)(self._spec.place)
        return seen

    def _look(self, total_bytes: int) -> None:
        seen = self._seen()
        grown, self._seen_bytes = total_bytes - self._seen_bytes, total_bytes
        if not self._inside:
            return  # at the `with`, which holds nothing: what a late poll finds at the end has come before
        line = None if seen is None else seen.line
        self._grown[line] += grown
        self._line = line or self._line
        if seen is not None and seen.called:
            self._called = seen
            self._promise(seen.file, seen.number)
        else:
            self._outside_bytes += grown
        if self._on_line is not None:
            noted = self._most(total_bytes - self._baseline.total_bytes)
            if noted is not None and noted != self._noted:
                self._noted = noted
                self._on_line(noted)

    def _seen(self) -> Seen | None:
        """Where the student's code is: in the thread of the block, or in others that work for it, as dask's do."""
        with thread_frames() as frames:
            own = seen_from(frames.get(self._thread_id))
            if own is not None and own.called:
                return own
            for number in frames.keys() - {self._thread_id, threading.get_ident()}:
                seen = seen_from(frames[number])
                # a pool may run functions of others, who are not to blame
                if seen is not None and seen.called and (self._called is None or seen.file == self._called.file):
                    return seen
            return own

    def _most(self, peak_bytes: int) -> Line | None:
        """The line during which at least half of the peak came, if there is one, or the one that ran at the last peak.

        Where half came while no function of the student's ran, one that was called before has promised it: then a whole
        axis that it joined is the cause. None: three quarters came where no line at all is known.
        """
        if self._outside_bytes >= peak_bytes / 2:
            called = None if self._called is None else self._called.file
            promises = [line for line, file in self._promises.items() if called in (None, file)]
            if len(promises) == 1:
                return promises[0]
        line, size = next(iter(self._grown.most_common(1)), (None, 0))
        return line if size >= peak_bytes / (2 if line is not None else 4 / 3) else self._line

    def _stop_block(self) -> bool:
        """Interrupt the thread of the block; False where that would be lost or do harm, for a while."""
        now = time.perf_counter()
        self._stop_by = self._stop_by or now + _PATIENCE_SECONDS
        if now < self._stop_by and not interruptible(self._thread_id):
            return False
        give_up_zarr()
        if self._thread_id != threading.main_thread().ident or not callable(signal.getsignal(signal.SIGINT)):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self._thread_id), ctypes.py_object(KeyboardInterrupt)
            )
        elif hasattr(signal, "pthread_kill"):  # a real signal wakes it where it waits for threads or for a program
            signal.pthread_kill(self._thread_id, signal.SIGINT)
        else:
            _thread.interrupt_main()
        self._stop_by = None
        return True


def _in_main_thread() -> bool:
    """Only there signals arrive, and may be asked for."""
    return threading.current_thread() is threading.main_thread()


def _framed(note: str) -> str:
    """A note as HTML that is not overlooked below a chart; what stands between ` ` is code."""
    text = re.sub("`([^`]*)`", r"<code>\1</code>", html.escape(note, quote=False)).replace(" Try: ", "<br><b>Try:</b> ")
    return f'<div style="border-left: 4px solid #d9a11e; padding: 2px 10px; max-width: 46em">{text}</div>'


class LocalBench:
    """Blocks run in this process; results are shown by IPython where there is one.

    Allocations are recorded in a block that broke its ceiling the last time, and in a script from the start: nobody
    corrects a line there and runs the block again.
    """

    def __init__(self) -> None:
        self._waiting: list[MemoryCeilingExceeded] = []
        self._hooked: Any = None
        self._warm: frozenset[str] = frozenset()  # libraries that have done what they do once

    def begin(self, spec: Spec) -> Run:
        loaded = frozenset(name for name in WARMED if name in sys.modules)
        if loaded - self._warm:
            warm_up()
            self._warm = loaded
        record = spec.ceiling_bytes is not None and (spec.place in _BROKEN or ipython_shell() is None)
        if sys.version_info < (3, 12):
            # a thread that waits does not take an exception, and until it does Python 3.11 enters no function where a
            # profiler, such as the recording, looks at calls: its evaluation loop tries the same instruction for ever
            record = record and _in_main_thread()
        return LocalRun(spec, meter=default_meter(), record=record)

    def show(self, measurement: Measurement) -> None:
        if ipython_shell() is None:
            return
        from IPython.display import publish_display_data

        publish_display_data(
            {
                "text/plain": memory_text(measurement),
                "image/svg+xml": memory_chart(measurement),
                MEASUREMENT_MIME: to_jsonable(measurement),
            }
        )
        space = ipython_shell().user_ns
        note = explain_kept(measurement, kept_by_cells(space, space.get("In", ())))
        if note:
            publish_display_data({"text/plain": textwrap.fill(note, _LINE_WIDTH), "text/html": _framed(note)})

    def show_touched(self, touched: Touched) -> None:
        if ipython_shell() is None:
            return
        from IPython.display import publish_display_data

        data = {"text/plain": chunk_text(touched), TOUCHED_MIME: to_jsonable(touched)}
        if touched.grids:
            data["image/svg+xml"] = chunk_chart(touched)
        publish_display_data(data)

    def count(self, root: Path) -> Callable[[], Counts]:
        return count_zarr_calls(root)

    def postpone(self, error: MemoryCeilingExceeded) -> bool:
        shell = ipython_shell()
        if shell is None:
            return False
        if self._hooked is not shell:
            shell.events.register("post_run_cell", self._after_cell)
            self._hooked = shell
        self._waiting.append(error)
        return True

    def _after_cell(self, result: Any) -> None:
        """Fail the cell that has just run, unless it failed by itself: then its own error comes first."""
        waiting, self._waiting = self._waiting, []
        if not waiting or not result.success:
            return
        first = waiting[0].measurement
        error = MemoryCeilingExceeded(explain_memory(first, right=True), first)
        result.error_in_exec = error
        shell = ipython_shell()
        shell.showtraceback((type(error), error, None))


_bench: Bench = LocalBench()


def current_bench() -> Bench:
    """Where blocks run at the moment."""
    return _bench


@contextmanager
def use_bench(bench: Bench) -> Iterator[None]:
    """Let blocks run on `bench` for a while (the judge does this)."""
    global _bench
    before, _bench = _bench, bench
    try:
        yield
    finally:
        _bench = before
