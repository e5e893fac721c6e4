"""One pass over the whole terabyte, watched: memory, how far it is, and whether the answer is right.

The function runs in a process of its own, so that its memory is its own and it can be stopped anywhere. What was seen is
written down every second (`run.jsonl`): a run that was stopped goes on, and its memory is drawn as one line to the end.
The answer is compared with the truth: the order table of the recording tells every sum exactly.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import CourseError, MeterError
from .machine import cores
from .meters import default_meter
from .types import format_bytes

__all__ = ["SUPPLIED", "Finished", "Glance", "load_function", "problems", "run", "words", "work"]

SUPPLIED = "data_scripts.process:process"
_POLL_SECONDS = 0.02
_ROWS = 1 << 16  # rows of an array that are compared at once
_TELL_SECONDS = 1.0
_PROGRAM = "import sys; from autograde.terabyte import work; work(*sys.argv[1:])"


@dataclass(frozen=True, slots=True)
class Glance:
    """How a run stands: `fraction` of the movie that has been read (None where not known), memory held at the moment."""

    seconds: float
    fraction: float | None
    held_bytes: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run. Bytes of memory are those of the whole process, Python and libraries included."""

    movie: str
    shape: tuple[int, ...]
    movie_bytes: int
    process: str
    max_bytes: int
    wall_seconds: float  # of all attempts
    attempts: int
    peak_bytes: int
    cores: int
    meter: str
    output_bytes: int
    problems: tuple[str, ...]  # empty: every number agrees with the truth
    checked: bool  # False: a movie whose truth we do not know
    samples: tuple[tuple[float, int], ...]  # (seconds of work, bytes held), the maximum of each second
    breaks: tuple[float, ...]  # seconds of work at which the run was stopped and went on

    @property
    def bytes_per_second(self) -> float:
        """Of the movie, uncompressed."""
        return self.movie_bytes / self.wall_seconds

    @property
    def good(self) -> bool:
        """Whether the answer is right, as far as it can be told, and memory stayed below what was allowed."""
        return not self.problems and self.peak_bytes <= self.max_bytes


def run(
    source: Path, folder: Path, *, process: str = SUPPLIED, max_bytes: int, told: Callable[[Glance], None]
) -> Finished:
    """Run `process` on the recording in the zarr group `source`; the result goes to `folder`/result.zarr.

    Where `folder` has notes of the same work, it goes on. `told` is called every second.
    Raises `CourseError` for a movie or function that cannot be opened, or when the function raises.
    """
    import zarr

    try:
        movie: Any = zarr.open_array(source / "movie", mode="r")
    except (FileNotFoundError, ValueError) as error:
        raise CourseError(f"expected a zarr group with `movie` and `rois` at {source}, found none: {error}") from error
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "run.jsonl"
    head = {"movie": str(source.resolve()), "process": process, "max_bytes": max_bytes}
    before = _read_log(log)
    if before and before[0] != head:
        raise CourseError(f"{folder} holds another run ({before[0]}); choose another --out, or remove it")
    if not before:
        _append(log, head)
    lines = [line for line in before[1:] if "held" in line]
    attempts = 1 + max((line["attempt"] for line in lines), default=0)
    if not (lines and lines[-1].get("end")):
        lines += _attempt(source, folder, head, attempts, lines, told)
    else:
        attempts -= 1
    wall, samples, breaks = _joined(lines)
    known, wrong = problems(source, folder / "result.zarr")
    return Finished(
        movie=str(source),
        shape=tuple(movie.shape),
        movie_bytes=int(movie.nbytes),
        process=process,
        max_bytes=max_bytes,
        wall_seconds=wall,
        attempts=attempts,
        peak_bytes=max(line["held"] for line in lines),
        cores=cores(),
        meter=default_meter().name,
        output_bytes=sum(path.stat().st_size for path in (folder / "result.zarr").rglob("*") if path.is_file()),
        problems=wrong,
        checked=known,
        samples=samples,
        breaks=breaks,
    )


def work(source: str, out: str, process: str, max_bytes: str) -> None:
    """What the process of its own does; it ends when whoever started it has ended."""
    import psutil
    import zarr

    def wait() -> None:
        sys.stdin.read()
        psutil.Process().kill()

    threading.Thread(target=wait, daemon=True).start()
    function = load_function(process)
    group: Any = zarr.open_group(source, mode="r")
    function(group["movie"], group["rois"][:], out, int(max_bytes))


def load_function(spec: str) -> Callable[..., Any]:
    """The function that FILE.py:name, NOTEBOOK.ipynb:name or module:name says; the name may be left out: `process`.

    Of a notebook, imports, functions, classes and constants are run, nothing else.
    """
    place, _, name = spec.rpartition(":") if ":" in spec[2:] else (spec, "", "process")
    path = Path(place)
    space: dict[str, Any] = {}
    if path.suffix == ".ipynb":
        from .notebook import read_notebook

        cells = [cell.source for cell in read_notebook(path).cells if cell.cell_type == "code"]
        space["__name__"] = path.stem
        exec(compile(_definitions(cells), str(path), "exec", dont_inherit=True), space)
    elif path.suffix == ".py":
        found = importlib.util.spec_from_file_location(path.stem, path)
        if found is None or found.loader is None or not path.is_file():
            raise CourseError(f"there is no file {path}; --process takes FILE.py:process or a notebook")
        module = importlib.util.module_from_spec(found)
        sys.modules[path.stem] = module
        found.loader.exec_module(module)
        space = vars(module)
    else:
        space = vars(importlib.import_module(place))
    if not callable(space.get(name)):
        raise CourseError(f"there is no function {name!r} in {place}; name another with {place}:name")
    return space[name]  # type: ignore[no-any-return]


#: What a plain value is written with: numbers, texts, and sums of them.
_PLAIN = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.Tuple, ast.List, ast.operator, ast.unaryop, ast.expr_context)


def _definitions(cells: list[str]) -> ast.Module:
    """What the cells define: imports, functions, classes, and names for plain values.

    >>> ast.unparse(_definitions(["import math\\nprint(1)\\nN = 2**2", "def f(): return N\\nx = f()", "%matplotlib"]))
    'import math\\nN = 2 ** 2\\n\\ndef f():\\n    return N'
    """
    kept: list[ast.stmt] = []
    for text in cells:
        try:
            body = ast.parse(text).body
        except SyntaxError:  # magics, half-written cells
            continue
        for node in body:
            named = isinstance(node, ast.Assign) and all(isinstance(part, _PLAIN) for part in ast.walk(node.value))
            if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef) or named:
                kept.append(node)
    return ast.Module(kept, type_ignores=[])


# --- watching ---------------------------------------------------------------------------------------------------------


def _attempt(
    source: Path,
    folder: Path,
    head: dict[str, Any],
    number: int,
    before: list[dict[str, Any]],
    told: Callable[[Glance], None],
) -> list[dict[str, Any]]:
    """Run until the function returns; what is seen is appended to the log. Ctrl-C stops the process and comes through."""
    out, log = folder / "result.zarr", folder / "run.jsonl"
    errors = folder / "errors.txt"
    worked = _joined(before)[0]
    encoded = _encoded_bytes(source / "movie")
    start_fraction = _done_fraction(out) or (before[-1].get("fraction") if before else None) or 0.0
    lines: list[dict[str, Any]] = []
    peak = max((line["held"] for line in before), default=0)
    began = time.monotonic()
    arguments = [str(source), str(out), head["process"], str(head["max_bytes"])]
    with errors.open("wb") as stderr:
        child = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *arguments],
            stdin=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        meter = default_meter(child.pid)
        held, told_at, read = 0, began, None
        try:
            while child.poll() is None:
                try:
                    now_held = meter.read().total_bytes
                except MeterError:
                    now_held = 0  # it has just ended
                held = max(held, now_held)
                peak = max(peak, held)
                now = time.monotonic()
                if now - told_at >= _TELL_SECONDS:
                    told_at, read = now, _bytes_read(child.pid) or read
                    fraction = _fraction(out, start_fraction, read, encoded)
                    line = {"attempt": number, "seconds": round(now - began, 2), "held": held, "fraction": fraction}
                    _append(log, line)
                    lines.append(line)
                    told(Glance(worked + now - began, fraction, now_held, peak))
                    held = 0
                time.sleep(_POLL_SECONDS)
        finally:
            if child.poll() is None:
                child.kill()  # nothing that it has finished is lost: that is what resuming is about
            child.wait()
            if child.stdin is not None:
                child.stdin.close()
    if child.returncode:
        text = errors.read_text(encoding="utf-8", errors="replace").strip()
        raise CourseError(f"{head['process']} ended with an error ({errors}); the last line: {text.splitlines()[-1:]}")
    line = {
        "attempt": number,
        "seconds": round(time.monotonic() - began, 2),
        "held": held,
        "fraction": 1.0,
        "end": True,
    }
    _append(log, line)
    return [*lines, line]


def _fraction(out: Path, start: float, read: int | None, encoded: int) -> float | None:
    """How far it is: stretches that are done, and between them the bytes that were read."""
    done = _done_fraction(out)
    by_bytes = None if read is None else min(start + read / encoded, 0.99)
    if done is None or by_bytes is None:
        return done if by_bytes is None else by_bytes
    return max(done, by_bytes)


def _done_fraction(out: Path) -> float | None:
    """Of the supplied process: how many of its stretches are done."""
    try:
        stretches = json.loads((out / "done" / "zarr.json").read_text())["shape"][0]
        return sum(name.isdigit() for name in os.listdir(out / "done" / "c")) / float(stretches)
    except (OSError, ValueError, KeyError):
        return None


def _bytes_read(pid: int) -> int | None:
    """What the process and its children have read so far; None where the system does not tell."""
    import psutil

    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return sum(int(getattr(counters, "read_chars", counters.read_bytes)) for counters in map(_io, family))
    except (psutil.Error, AttributeError):
        return None


def _io(process: Any) -> Any:
    return process.io_counters()


def _encoded_bytes(movie: Path) -> int:
    """Size of all chunk files, from the first hundred and how many there are."""
    with os.scandir(movie) as entries:
        files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    some = files[:: max(1, len(files) // 100)]
    return max(1, round(sum(entry.stat().st_size for entry in some) / max(1, len(some)) * len(files)))


def _read_log(log: Path) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    if log.exists():
        for text in log.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:  # the last line of a run that was killed
                continue
    return lines


def _append(log: Path, line: dict[str, Any]) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _joined(lines: list[dict[str, Any]]) -> tuple[float, tuple[tuple[float, int], ...], tuple[float, ...]]:
    """Seconds of work over all attempts, (seconds, bytes) of each line, and where one attempt followed another.

    >>> _joined([{"attempt": 1, "seconds": 2, "held": 7}, {"attempt": 2, "seconds": 1, "held": 8}])
    (3.0, ((2.0, 7), (3.0, 8)), (2.0,))
    """
    offset, last, attempt = 0.0, 0.0, None
    samples: list[tuple[float, int]] = []
    breaks: list[float] = []
    for line in lines:
        if attempt is not None and line["attempt"] != attempt:
            offset += last
            breaks.append(offset)
        attempt, last = line["attempt"], float(line["seconds"])
        samples.append((offset + last, int(line["held"])))
    return offset + last, tuple(samples), tuple(breaks)


# --- is it right? -----------------------------------------------------------------------------------------------------


def problems(source: Path, result: Path) -> tuple[bool, tuple[str, ...]]:
    """Whether the truth of the movie is known, and what in `result` disagrees with it; nothing of it: all is right.

    Every chunk of the movie is one of the pool's, so the sums of the pool and the order table give mean, deviation and
    traces of all frames without reading them.
    """
    import zarr

    from data_scripts.process import Regions, slabs
    from data_scripts.store import read_manifest
    from data_scripts.terabyte import CHUNK_FRAMES, Recording

    manifest = read_manifest(source.parent)
    if manifest is None or manifest.get("maker") != "terabyte":
        return False, ()
    truth = Recording(tuple(manifest["shape"]), int(manifest["seed"]))
    frames, *frame_shape = truth.shape
    index = truth.pool_index
    tail = frames - (len(index) - 1) * CHUNK_FRAMES  # frames of the last chunk
    movie: Any = zarr.open_array(source / "movie", mode="r")
    regions = Regions.of(truth.rois)
    sums = np.zeros((2, *frame_shape))
    table = np.empty((int(index.max()) + 1, CHUNK_FRAMES, len(regions.counts)), np.float32)
    for number in np.unique(index).tolist():
        places = np.flatnonzero(index == number)
        t = int(places[0]) * CHUNK_FRAMES
        _, slab = next(slabs(movie, t, t + CHUNK_FRAMES))  # whole, also where the movie ends in it
        table[number] = regions.means(slab)
        values = slab.astype(np.float64)
        last = int(places[-1] == len(index) - 1)
        for times, part in ((len(places) - last, values), (last, values[:tail])):
            sums += times * np.stack([part.sum(axis=0), (part**2).sum(axis=0)])
    mean = sums[0] / frames
    std = np.sqrt(sums[1] / frames - mean**2)
    found = [_difference(result, "mean", mean.shape, lambda rows: mean[rows])]
    found += [_difference(result, "std", std.shape, lambda rows: std[rows])]

    def traces(rows: slice) -> Any:
        first = rows.start // CHUNK_FRAMES
        many = table[index[first : -(-rows.stop // CHUNK_FRAMES)]].reshape(-1, table.shape[2])
        return many[rows.start - first * CHUNK_FRAMES :][: rows.stop - rows.start]

    found += [_difference(result, "traces", (frames, table.shape[2]), traces)]
    return True, tuple(text for text in found if text)


def _difference(result: Path, name: str, shape: tuple[int, ...], want: Callable[[slice], Any]) -> str:
    """What is wrong with an array of the result, in words; empty where nothing is. `want` gives rows of the truth."""
    import zarr

    try:
        array: Any = zarr.open_array(result / name, mode="r")
    except (FileNotFoundError, ValueError):
        return f"there is no array {name!r} in the result"
    if tuple(array.shape) != shape:
        return f"{name}: expected the shape {shape}, got {tuple(array.shape)}"
    step = _ROWS
    for start in range(0, shape[0], step):
        rows = slice(start, min(start + step, shape[0]))
        right, got = want(rows), np.asarray(array[rows], np.float64)
        wrong = ~np.isclose(got, right, rtol=1e-5, atol=1e-3)  # NaN is wrong, too
        if wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            where = (place[0] + start, *place[1:])
            return f"{name}: at {where} expected {right[place]:.6g}, got {got[place]:.6g}"
    return ""


def words(done: Finished) -> str:
    """One line to be proud of."""
    size = f"{done.movie_bytes / 1e12:.2f} TB" if done.movie_bytes >= 5e11 else format_bytes(done.movie_bytes)
    verdict = "not checked" if not done.checked else "every number right" if not done.problems else "WRONG"
    minutes = f"{done.wall_seconds / 60:.1f} min" if done.wall_seconds >= 100 else f"{done.wall_seconds:.1f} s"
    speed = f"{done.bytes_per_second / 1e9:.2f} GB/s"
    return f"{size} in {minutes}, {speed}, at most {format_bytes(done.peak_bytes)} of memory, {verdict}"
