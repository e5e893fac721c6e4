"""Runs cells in one ordinary kernel, as JupyterLab and nbgrader do, and tells the same facts as the judge.

Used to prove that a test says the same to a student beforehand as in grading.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from .block import MEASUREMENT_MIME, TOUCHED_MIME, MemoryCeilingExceeded
from .errors import CourseError, JudgeError, kind_of
from .lines import cell_line, cell_name
from .notebook import Cell, Kind, Notebook
from .types import Exit, Line, Measurement, Outcome, Problem, Touched, from_json, to_json

__all__ = ["probe", "run_in_kernel"]

_KERNEL = "python3"
T = TypeVar("T")


def probe(trusted: Sequence[int]) -> None:
    """Print the last exception of this kernel as a `Problem` in JSON; `trusted` are the numbers of cells not by the student.

    Runs inside the kernel.
    """
    from IPython.core.getipython import get_ipython

    error: Any = sys.last_value
    shell: Any = get_ipython()
    files = {name for name, number in shell.compile._filename_map.items() if number not in trusted}
    rows = [row for row in traceback.extract_tb(error.__traceback__) if cell_name(row.filename) is not None]
    line: Line | None = None
    from_student = False
    if rows and not isinstance(error, MemoryCeilingExceeded):
        theirs = [row for row in rows if row.filename in files]  # what they call may be ours, as in the student process
        blamed = (theirs or rows)[-1]
        line = cell_line(blamed.filename, blamed.lineno or 0, blamed.name)
        from_student = bool(theirs)
    name = kind_of(error)
    if isinstance(error, NameError) and len(rows) == 1 and error.name is not None:
        name, from_student = "NotDefined", True  # the test looked for what the student was to define
    print(to_json(Problem(name, str(error), from_student, line)))  # noqa: T201 - this is the answer


@contextmanager
def _loop_closed() -> Iterator[None]:
    """Close the event loop that nbclient makes for this thread and leaves open; that of the main thread may be in use."""
    from jupyter_core.utils import ensure_event_loop

    try:
        yield
    finally:
        if threading.current_thread() is not threading.main_thread():
            ensure_event_loop().close()


def run_in_kernel(
    notebook: Notebook, *, folder: Path, tests: Sequence[str], test_seconds: float, environment: dict[str, str]
) -> list[Outcome]:
    """Run set-up cells, solution cells and the named tests of `notebook` in one kernel that starts in `folder`.

    The first test that does not pass is the last.
    """
    import nbformat.v4 as v4
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from traitlets.config.loader import Config

    wanted = [
        cell
        for cell in notebook.cells
        if cell.kind in (Kind.SETUP, Kind.SOLUTION) or (cell.kind is Kind.TEST and cell.label in tests)
    ]
    book = v4.new_notebook(cells=[v4.new_code_cell(cell.source) for cell in wanted])
    client = NotebookClient(
        book,
        timeout=int(test_seconds) + 1,
        allow_errors=True,
        kernel_name=_KERNEL,
        resources={"metadata": {"path": str(folder)}},
        # TCP would warn that others on this machine can listen; a relative `ip` would depend on the kernel's folder
        config=Config({"KernelManager": {"transport": "ipc", "ip": str(folder.resolve() / ".kernel")}}),
    )
    outcomes: list[Outcome] = []
    notes: list[str] = []  # as the judge has them: without these an untouched stub would read as a renamed function
    trusted = [position + 1 for position, cell in enumerate(wanted) if cell.kind is not Kind.SOLUTION]
    try:
        KernelSpecManager().get_kernel_spec(_KERNEL)
    except NoSuchKernel as error:
        raise CourseError(
            f"no Jupyter kernel {error.name!r} in this environment: run `python -m ipykernel install --sys-prefix`"
        ) from error
    with _loop_closed(), client.setup_kernel(env={**os.environ, **environment}):
        for position, cell in enumerate(wanted):
            began = time.perf_counter()
            how = Exit.PASSED
            code = book.cells[position]
            try:
                client.execute_cell(code, position, execution_count=position + 1)
            except CellTimeoutError:
                how = Exit.TIMEOUT
            except DeadKernelError:
                how = Exit.DIED
            seconds = time.perf_counter() - began
            failed = any(output.output_type == "error" for output in code.outputs)
            if cell.kind is Kind.SETUP and (failed or how is not Exit.PASSED):
                raise JudgeError(f"set-up cell `{cell.label}` failed in a kernel: {_error_text(code)}")
            if cell.kind is Kind.SOLUTION and failed:
                notes.append(f"The cell `{cell.label}` stopped with {_error_text(code)}")
            elif cell.kind is Kind.SOLUTION and not cell.source.strip():
                notes.append(f"The cell `{cell.label}` is empty.")
            if cell.kind is Kind.TEST:
                problem = _problem(client, position, trusted) if failed and how is Exit.PASSED else None
                mine = tuple(note for note in notes if f"`{notebook.exercise_of(cell.label)}`" in note)
                outcomes.append(replace(_outcome(notebook, cell, code, how, problem, seconds), notes=mine))
            if cell.kind is Kind.TEST and outcomes[-1].exit is not Exit.PASSED:
                break
    return outcomes


def _outcome(notebook: Notebook, cell: Cell, code: Any, how: Exit, problem: Problem | None, seconds: float) -> Outcome:
    blocks = _shown(Measurement, MEASUREMENT_MIME, code)
    if how is Exit.DIED:
        problem = Problem("Died", "the kernel ended while this ran", from_student=True)
    elif problem is not None:
        stopped = problem.type == "MemoryCeilingExceeded" and any(block.stopped for block in blocks)
        how = Exit.LIMIT if stopped else Exit.RAISED
    return Outcome(
        notebook=notebook.name,
        test=cell.label,
        exit=how,
        problem=problem,
        blocks=blocks,
        touched=_shown(Touched, TOUCHED_MIME, code),
        wall_seconds=seconds,
        credit=_credit(code, cell.points) if how is Exit.PASSED else None,
    )


def _shown(cls: type[T], mime: str, code: Any) -> tuple[T, ...]:
    """The values of one kind that a cell has displayed."""
    return tuple(
        from_json(cls, json.dumps(output.data[mime]))
        for output in code.outputs
        if output.output_type == "display_data" and mime in output.data
    )


def _credit(code: Any, points: float | None) -> float | None:
    """The share of its points that a test gives by ending in a number, as the judge has it."""
    shown = [output.data.get("text/plain", "") for output in code.outputs if output.output_type == "execute_result"]
    try:
        share = float(shown[0]) / points if shown and points else -1.0
    except ValueError:
        return None
    return min(share, 1.0) if share >= 0 else None


def _problem(client: Any, position: int, trusted: list[int]) -> Problem:
    """Ask the kernel for the exception that the last cell ended with."""
    messages: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            messages.append(message["content"]["text"])

    code = f"import autograde.kernel as _kernel; _kernel.probe({trusted})"
    reply = client.kc.execute_interactive(code, store_history=False, output_hook=hear, timeout=30)
    import inspect

    if inspect.isawaitable(reply):
        from nbclient.util import run_sync

        async def wait() -> Any:
            return await reply

        run_sync(wait)()
    return from_json(Problem, "".join(messages).strip())


def _error_text(code: Any) -> str:
    return "; ".join(f"{output.ename}: {output.evalue}" for output in code.outputs if output.output_type == "error")
