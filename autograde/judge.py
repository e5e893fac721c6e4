"""The judge process: runs the tests of one notebook against a student process, and writes down the facts.

Set-up cells and test cells run here. Names that the student's solution cells bind are proxies: a call goes over to the
student process, runs there under the meter, and data comes back. A test that dies or hangs costs that test alone: the
process is started again, the cells before are replayed, and the next test runs.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import ctypes
import io
import json
import linecache
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import psutil

from .block import LIMIT_FACTOR, MemoryCeilingExceeded, Run, Spec, use_bench
from .calls import Counts
from .errors import AutogradeError, CourseError, StorageError, SubmissionError
from .examples import unused_examples, without
from .explain import explain_memory
from .folders import scratch_folder, spread
from .journal import append, digest, write_whole
from .lines import CELL_NAMES
from .machine import available_bytes
from .notebook import Cell, Kind, Notebook, bound_names, imported_modules, parse_cell, read_notebook, rebuild
from .poll import Poller
from .session import Job, OutOfTime, Session, StudentDied, StudentError
from .types import FORGIVEN_PART, Exit, Line, Measurement, Outcome, Problem, Touched, from_json, printable, to_json

__all__ = ["EXIT_CODES", "Job", "Session", "judge_notebook", "main"]

#: How a test ends at a limit; at any other the student's process has died of it.
_EXIT_AT = {"memory_bytes": Exit.LIMIT, "cpu_seconds": Exit.TIMEOUT}
#: What a test may take for itself, beside the student's calls: making the truth, comparing with it.
_TEST_ITSELF_SECONDS = 600.0
#: A test that runs again to be explained may take this many times as long as before.
_AGAIN_FACTOR = 4


class JudgeRun:
    """A block whose calls run in the student process: figures from the judge's meter, lines from over there.

    With `record`, allocations are recorded over there, which takes its time.
    """

    def __init__(self, session: Session, spec: Spec, test: str, *, record: bool = False) -> None:
        self._session = session
        self._spec = spec
        self.measurement: Measurement | None = None
        if not session.alive:
            raise StudentDied("the student process is not running")
        between = Poller(session.meter())
        between.start()
        answer, _ = session.ask(
            "begin",
            ceiling_bytes=spec.ceiling_bytes,
            predicted_bytes=spec.predicted_bytes,
            data_bytes=spec.data_bytes,
            note=str(session.note),
            record=record,
        )
        self._leftovers = tuple((printable(str(name)[:80]), int(size)) for name, size in answer.get("leftovers", ()))[
            :3
        ]
        reading = between.stop().reading
        self.before_bytes = None if reading is None else reading.total_bytes
        meter = session.meter()
        self._start = meter.read()
        self._baseline = session.baseline_bytes(test)
        if spec.ceiling_bytes is not None:
            # What libraries keep after earlier calls (caches, threads, contexts of codecs) is not the student's. No hungry
            # solution gets through with it: verify wants 1.5 x the ceiling of those, and 1.25 x is what it can hide.
            kept = max(self._start.total_bytes - self._baseline, 0)
            self._baseline += min(kept, spec.ceiling_bytes // FORGIVEN_PART)
        self._available_bytes = available_bytes()
        limit = 0.7 * self._available_bytes
        if spec.ceiling_bytes is not None:
            limit = min(limit, LIMIT_FACTOR * spec.ceiling_bytes)
        self._poller = Poller(
            meter,
            limit_bytes=int(max(self._baseline, self._start.total_bytes) + limit),
            on_limit=session.student.kill,
        )
        self._began = time.perf_counter()
        self._poller.start()

    def end(self) -> Measurement:
        seconds = time.perf_counter() - self._began
        explanation = (
            self._explanation()
        )  # the student's code may run once more, so the poll goes on (it costs 0.3 MiB)
        peak = self._poller.stop()
        base = self._baseline
        reading = peak.reading
        seen = Measurement(
            meter=self._poller.meter_name,
            peak_bytes=None if reading is None else max(reading.total_bytes - base, 0),
            ceiling_bytes=self._spec.ceiling_bytes,
            wall_seconds=seconds,
            baseline_bytes=base,
            before_bytes=max(self._start.total_bytes - base, 0),
            shared_bytes=None if reading is None else max(reading.shared_bytes - self._start.shared_bytes, 0),
            child_bytes=None if reading is None else max(reading.child_bytes - self._start.child_bytes, 0),
            stopped=peak.stopped,
            leftovers=self._leftovers,
            predicted_bytes=self._spec.predicted_bytes,
            data_bytes=self._spec.data_bytes,
            available_bytes=self._available_bytes,
            growth=self._spec.growth,
            samples=tuple((round(at, 4), max(size - base, 0)) for at, size in peak.samples),
        )
        self.measurement = replace(seen, **explanation)
        return self.measurement

    def _explanation(self) -> dict[str, Any]:
        """Line and allocations as the student's side saw them: words for people, never part of a verdict."""
        if not self._session.alive:
            return {"line": _shown_line(self._session.noted_line())}
        try:
            answer, _ = self._session.ask("end")
            if answer.get("measurement") is None:
                return {}
            theirs = from_json(Measurement, json.dumps(answer["measurement"]))
        except (StudentError, SubmissionError, CourseError, OutOfTime):
            return {}
        allocations = tuple(
            replace(one, function=printable(one.function), file=printable(one.file)) for one in theirs.allocations[:3]
        )
        return {"line": _shown_line(theirs.line), "allocations": allocations}


class JudgeBench:
    """Blocks of a test cell: measured in the student process, noted down, and raised at the end of the cell.

    With `explained`, the test runs for the second time, to learn what was held in that block, and ends there.
    """

    def __init__(
        self, session: Session, test: str, effective: Callable[[int], int], *, explained: int | None = None
    ) -> None:
        self._session = session
        self._test = test
        self._effective = effective
        self._explained = explained
        self.blocks: list[Measurement] = []
        self.touched: list[Touched] = []
        self.waiting: list[MemoryCeilingExceeded] = []
        self._last: JudgeRun | None = None

    def begin(self, spec: Spec) -> Run:
        if spec.ceiling_bytes is not None and spec.growth is None:
            spec = replace(spec, ceiling_bytes=self._effective(spec.ceiling_bytes))
        run = JudgeRun(self._session, spec, self._test, record=self._explained == len(self.blocks))
        self._put_off(run.before_bytes)
        self._last = run
        return run

    def _put_off(self, held_bytes: int | None) -> None:
        """What is held between two blocks of a test counts for the first: nobody may work there on what it should make."""
        block = self._last.measurement if self._last is not None else None
        if block is None or held_bytes is None or block.ceiling_bytes is None or block.baseline_bytes is None:
            return
        late = replace(block, peak_bytes=max(held_bytes - block.baseline_bytes, 0))
        if late.exceeded and not block.exceeded:
            self.waiting.append(MemoryCeilingExceeded(explain_memory(late), late))

    def show(self, measurement: Measurement) -> None:
        self.blocks.append(measurement)
        if self._explained == len(self.blocks) - 1:
            raise _Explained

    def show_touched(self, touched: Touched) -> None:
        self.touched.append(touched)

    def count(self, root: Path) -> Callable[[], Counts]:
        self._ask("count", root)

        def end() -> Counts:
            answer = self._ask("counted", root)
            return _tally(answer.get("read")), _tally(answer.get("written"))

        return end

    def _ask(self, op: str, root: Path) -> dict[str, Any]:
        """What the student's side says; nothing where it cannot: it only adds to what was seen from here."""
        if not self._session.alive:
            return {}
        try:
            return self._session.ask(op, root=str(root))[0]
        except (StudentError, SubmissionError, OutOfTime):
            return {}

    def postpone(self, error: MemoryCeilingExceeded) -> bool:
        self.waiting.append(error)
        return True


class _Explained(BaseException):
    """What a test runs for a second time is known. Not an Exception, so that no test catches it."""


def _tally(found: object) -> Counter[str]:
    """Counts that crossed from the student's side, as far as they are that."""
    if not isinstance(found, dict):
        return Counter()
    return Counter({str(name): count for name, count in found.items() if isinstance(count, int) and 0 < count < 2**31})


def judge_notebook(job: Job, *, told: Callable[[Outcome], None] = lambda outcome: None) -> list[Outcome]:
    """Judge the tests of one notebook; `told` hears of each outcome as soon as it is there.

    Raises `CourseError` for material that cannot be judged, `SubmissionError` for a notebook that cannot be read.
    """
    source = read_notebook(Path(job.source))
    submitted = read_notebook(Path(job.submission), error=SubmissionError)
    notebook = rebuild(job.name, source, submitted)
    handed_out = rebuild(job.name, source, source)
    left_out = unused_examples(notebook)
    notebook, handed_out = without(notebook, left_out), without(handed_out, left_out)
    modules = imported_modules([cell.source for cell in handed_out.cells if cell.runs_for_student])
    outcomes: list[Outcome] = []
    with scratch_folder("autograde-judge-") as folder:
        session = Session(notebook, job, folder)
        _lay_out(session, Path(job.folder))
        session.source_modules = modules
        bound = bound_names(cell.source for cell in handed_out.cells if cell.kind is Kind.SOLUTION)
        tempfile.tempdir = str(session.exchange)
        try:
            session.handed_out_bytes = _handed_out_bytes(handed_out, job, folder, modules, left_out)
            with contextlib.chdir(session.workdir):
                space: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
                for position, cell in enumerate(notebook.cells):
                    if cell.kind is Kind.SETUP:
                        _run_trusted(cell, space, Path(job.folder))
                    elif cell.kind is Kind.TEST and (job.only is None or cell.label in job.only):
                        outcome = _judge_test(session, position, space, bound, job)
                        outcomes.append(outcome)
                        told(outcome)
                        if job.stop_at_failure and outcome.exit is not Exit.PASSED:
                            break
        finally:
            tempfile.tempdir = None
            session.close()
    return outcomes


def _lay_out(session: Session, folder: Path) -> None:
    """The folders of a session: the assignment's own files beside the notebook, nothing from the submission."""
    session.exchange.mkdir()
    spread(session.exchange)
    if session.workdir != folder:
        shutil.copytree(folder, session.workdir, symlinks=True, ignore=shutil.ignore_patterns("*.ipynb", ".*"))
        session.fixed = tuple(path for path in sorted(session.workdir.iterdir()) if not path.is_symlink())


def _handed_out_bytes(
    notebook: Notebook, job: Job, folder: Path, modules: tuple[str, ...], left_out: frozenset[str]
) -> dict[str, int]:
    """What the notebook holds before each of its tests when nobody has answered anything, and examples are `left_out`.

    Worked examples import libraries; that is not the student's doing. Arrays that have a name count for whoever made them,
    so that `autograde check`, which cannot tell the student's own cells, comes to the same verdict. Measured once and kept.
    """
    kept = Path(job.baselines) if job.baselines else None
    if kept is not None and left_out:  # what one student needs, another may not
        kept = kept.with_stem(f"{kept.stem}-{digest(*sorted(left_out))[:12]}")
    if kept is not None and kept.exists():
        return {str(test): int(size) for test, size in json.loads(kept.read_text()).items()}
    session = Session(notebook, job, folder, reference=True)
    session.source_modules = modules
    held: dict[str, int] = {}
    try:
        for position, cell in enumerate(notebook.cells):
            if cell.kind is Kind.TEST:
                session.run_until(position)
                held[cell.label] = session.held(unnamed=True)
    finally:
        session.close()
    if kept is not None:
        write_whole(kept, json.dumps(held))
    return held


def _compile(cell: Cell) -> tuple[Any, Any]:
    """Code of a trusted cell, under a name by which a block knows that it stands in a cell.

    The last expression, if it ends in one, is apart.
    """
    name = f"<{cell.label}>"
    CELL_NAMES[name] = cell.label
    lines = [line + "\n" for line in cell.source.splitlines()]
    linecache.cache[name] = (len(cell.source), None, lines, name)
    try:
        tree = parse_cell(cell.source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        value = compile(ast.Expression(last.value), name, "eval") if isinstance(last, ast.Expr) else None
        return compile(tree, name, "exec"), value
    except SyntaxError as error:
        raise CourseError(f"cell `{cell.label}` is not valid Python: {error}") from error


def _run(code: tuple[Any, Any], space: dict[str, Any]) -> Any:
    """Run a cell; what a notebook would show as its value."""
    exec(code[0], space)
    return None if code[1] is None else eval(code[1], space)


def _credit(value: Any, points: float | None) -> float | None:
    """The share of its points that a test gives by ending in a number, as nbgrader has it; None: it says nothing of it.

    >>> _credit(1.5, 3.0), _credit(True, 3.0), _credit(-1, 3.0)
    (0.5, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not points:
        return None
    share = float(value) / points
    return min(share, 1.0) if share >= 0 else None


def _run_trusted(cell: Cell, space: dict[str, Any], folder: Path) -> None:
    """Run a set-up cell in the judge; what it imports from beside the notebook comes from `folder`."""
    path = str(folder)  # the course's own: what lies in the folder where it runs, the student's code may have written
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.append(path)  # last, so that no file beside the notebook can stand in for a library
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            _run(_compile(cell), space)
    except OSError as error:
        raise CourseError(f"the set-up cell `{cell.label}` failed: {error}") from error
    except Exception as error:
        raise CourseError(
            f"the set-up cell `{cell.label}` failed: {type(error).__name__}: {error}. Set-up cells must run by themselves, "
            "without the student's answers."
        ) from error
    finally:
        sys.path.remove(path)
        sys.dont_write_bytecode = writes


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` in this (the main) thread after `seconds`."""

    def ring(signum: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _judge_test(session: Session, position: int, space: dict[str, Any], bound: frozenset[str], job: Job) -> Outcome:
    cell = session.notebook.cells[position]
    exercise = session.notebook.exercise_of(cell.label)

    def effective(ceiling_bytes: int) -> int:
        for name in (cell.label, exercise):
            if name in job.ceilings:
                return job.ceilings[name]
        return round(ceiling_bytes * job.ceiling_scale)

    bench = JudgeBench(session, cell.label, effective)
    code = _compile(cell)
    names = sorted({name for name in _names_in(cell.source) if name in bound})
    session.run_until(position)
    session.allow(job.test_seconds)
    how, problem, value, broken = Exit.PASSED, None, None, None

    def attempt(on: JudgeBench) -> Any:
        with (
            _time_limit(job.test_seconds + _TEST_ITSELF_SECONDS),
            use_bench(on),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            for name in names:
                space.pop(name, None)
            space.update(session.look(names))
            return _run(code, space)

    try:
        value = attempt(bench)
        if bench.waiting:
            raise bench.waiting[0]
    except OutOfTime:
        how, problem = Exit.TIMEOUT, session.exhausted
        session.end()
    except MemoryCeilingExceeded as error:
        how, broken = Exit.LIMIT if error.measurement.stopped else Exit.RAISED, error
    except StudentDied as error:
        how, problem = _EXIT_AT.get(error.hit.limit, Exit.DIED) if error.hit else Exit.DIED, error.problem
    except StudentError as error:
        how, problem = Exit.RAISED, error.problem
    except SubmissionError as error:
        how, problem = Exit.RAISED, Problem("SubmissionError", str(error), True)
    except CourseError:
        raise
    except MemoryError:
        how, problem = Exit.JUDGE_ERROR, Problem("JudgeError", "the test itself ran out of memory", False)
    except Exception as error:  # noqa: BLE001 - whatever a test raises is its result
        how, problem = Exit.RAISED, _own_problem(error, cell, names, session)
    seconds = round(job.test_seconds - session.seconds_left, 3)
    output = printable(session.output())
    if broken is not None:

        def again(place: int) -> Measurement | None:
            session.run_until(position)
            second = JudgeBench(session, cell.label, effective, explained=place)
            with contextlib.suppress(_Explained):
                attempt(second)
            return second.blocks[place] if len(second.blocks) > place else None

        seen = _explained(session, bench, broken, again, min(_AGAIN_FACTOR * seconds + 10, job.test_seconds))
        right = True if broken in bench.waiting else None
        problem = Problem(type(broken).__name__, explain_memory(seen, right=right), False)
    return Outcome(
        notebook=session.notebook.name,
        test=cell.label,
        exit=how,
        problem=None if problem is None else _shown(problem),
        credit=_credit(value, cell.points) if how is Exit.PASSED else None,
        blocks=tuple(bench.blocks),
        touched=tuple(bench.touched),
        wall_seconds=seconds,
        limit_seconds=job.test_seconds,
        output=output,
        notes=tuple(map(printable, _notes(session, exercise))),
    )


def _explained(
    session: Session,
    bench: JudgeBench,
    broken: MemoryCeilingExceeded,
    again: Callable[[int], Measurement | None],
    seconds: float,
) -> Measurement:
    """The measurement that broke a ceiling, with what was held in it: the test has run `again` until its block `place`.

    Only where the poll over there saw no line of the student's: dask and zarr hold things on threads of their own. The
    figures stay those of the first time.
    """
    first = broken.measurement
    place = next((number for number, block in enumerate(bench.blocks) if block is first), len(bench.blocks) - 1)
    if first.stopped or first.line is not None or not session.alive or place < 0:
        return first
    theirs = None
    try:
        with session.our_time(seconds):
            theirs = again(place)
    except OutOfTime:
        session.end()
    except CourseError:
        raise
    except Exception:  # noqa: BLE001 - the verdict is there already, and a test that fails now explains nothing
        return first
    if theirs is None:
        return first
    bench.blocks[place] = replace(bench.blocks[place], line=theirs.line, allocations=theirs.allocations)
    return replace(first, line=theirs.line, allocations=theirs.allocations)


def _shown(problem: Problem) -> Problem:
    """A problem whose texts can be shown anywhere: they may be the student's."""
    return replace(
        problem,
        type=printable(problem.type),
        message=printable(problem.message),
        line=_shown_line(problem.line),
        traceback=printable(problem.traceback),
    )


def _shown_line(line: Line | None) -> Line | None:
    if line is None:
        return None
    cell, function = (None if text is None else printable(text) for text in (line.cell, line.function))
    return replace(line, cell=cell, text=printable(line.text), function=function)


def _notes(session: Session, exercise: str | None) -> tuple[str, ...]:
    notes = [note for note in session.notebook.notes if exercise is not None and f"`{exercise}`" in note]
    answers = [cell for cell in session.notebook.cells if cell.kind is Kind.SOLUTION and cell.label == exercise]
    if answers and not answers[0].source.strip() and not notes:
        notes.append(f"The cell `{exercise}` is empty.")
    if exercise in session.cell_problems:
        problem = session.cell_problems[exercise]
        where = f", line {problem.line.number}: `{problem.line.text}`" if problem.line else ""
        notes.append(f"The cell `{exercise}` stopped with {problem.type}: {problem.message}{where}")
    return tuple(notes)


def _own_problem(error: Exception, cell: Cell, names: list[str], session: Session) -> Problem:
    """An exception of the test itself; one about a name that the student has not defined is the student's."""
    missing = error.name if isinstance(error, NameError) else None
    text = "".join(traceback.format_exception_only(error)).strip()
    rows = [row for row in traceback.extract_tb(error.__traceback__) if row.filename == f"<{cell.label}>"]
    lines = cell.source.splitlines()
    if rows and 0 < (rows[-1].lineno or 0) <= len(lines):
        text = f"{lines[(rows[-1].lineno or 1) - 1].strip()}\n{text}"
    if missing is not None:
        return Problem("NotDefined", f"`{missing}` is not defined", True)
    return Problem(type(error).__name__, str(error), False, traceback=text)


def _names_in(source: str) -> set[str]:
    return {node.id for node in ast.walk(parse_cell(source)) if isinstance(node, ast.Name)}


_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
EXIT_CODES: dict[type[AutogradeError], int] = {CourseError: 2, SubmissionError: 4, StorageError: 5}


def main(facts: Path) -> None:
    """Read a `Job` as JSON from standard input; write outcomes as lines of JSON to standard output and to `facts`."""
    job = from_json(Job, sys.stdin.buffer.read())
    _become_judge()
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # whatever a library prints must not look like an outcome

        def tell(outcome: Outcome) -> None:
            append(facts, to_json(outcome))
            answers.write(to_json(outcome) + "\n")
            answers.flush()

        try:
            judge_notebook(job, told=tell)
        except tuple(EXIT_CODES) as error:
            sys.stderr.write(str(error))
            sys.exit(next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind)))
        finally:
            _end_orphans()


def _become_judge() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))  # so that the student process is ended, too
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)  # whoever asked for this is gone
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans of a student process come to us
        _limit_memory()


def _limit_memory() -> None:
    """What a student has compressed or declared must not bring the machine down when a test reads it."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = int(0.7 * available_bytes())
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))  # the student process goes back to `hard`: it is metered


def _end_orphans() -> None:
    for orphan in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.kill()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
