"""`projected`: how much a dask graph will hold, before it runs. To teach and to warn, never to grade.

Three terms, after the idea of cubed (cubed-dev/cubed, `primitive/memory.py`) that allowed, reserved, projected and measured
memory are different things:

    the most that is alive at once, in dask's own order of tasks
    + what the workers need while they work: `WORKING` times the largest blocks, one for each worker
    + a copy of the result, where it is put together from several blocks

An upper bound in practice, not a proven one: `tests/benchmarks/projection.py` compares it with measured peaks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from .errors import CourseError
from .types import MIB, format_bytes, parse_bytes

__all__ = ["WORKING", "Projection", "projected"]

#: Blocks that a worker holds while it works on one: what it reads, what it decodes, what it computes and what it returns.
WORKING = 4
#: The float64 copy of a block of uint16, that a variance makes inside of one step.
_WIDER = 4
#: Steps whose inputs are larger than this are not tried out: their result is taken to be as large as their inputs.
_MOST_TRIED_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True)
class Projection:
    """What a dask graph is going to hold, in bytes: an estimate from above."""

    live_bytes: int  # blocks that are alive at the same time, waiting for others
    working_bytes: int  # inside the workers
    result_bytes: int  # the copy that joins the blocks of a result
    largest_block_bytes: int
    tasks: int
    workers: int
    allowed_bytes: int | None = None

    @property
    def total_bytes(self) -> int:
        """The sum of the three terms."""
        return self.live_bytes + self.working_bytes + self.result_bytes

    @property
    def fits(self) -> bool | None:
        """Whether the total is allowed; None where nothing was said of that."""
        return None if self.allowed_bytes is None else self.total_bytes <= self.allowed_bytes

    def rows(self) -> list[tuple[str, int]]:
        """The table: what it is, and its bytes."""
        block = format_bytes(self.largest_block_bytes)
        return [
            ("alive at once, in dask's order", self.live_bytes),
            (f"at work: {WORKING} x the largest blocks of {self.workers} workers (up to {block})", self.working_bytes),
            ("a copy of the result, joined from its blocks", self.result_bytes),
            ("projected", self.total_bytes),
        ]

    @property
    def advice(self) -> str:
        """One thing to try, where more is projected than allowed; empty otherwise."""
        if self.fits is not False:
            return ""
        largest = max(self.live_bytes, self.working_bytes, self.result_bytes)
        if largest == self.result_bytes:
            step = "let dask write the result block by block (da.store), instead of computing it in one piece"
        elif largest == self.working_bytes:
            step = "use smaller blocks"
        else:
            step = "do it in two passes or in strips: some blocks have to wait until all others are there"
        return f"More than the {format_bytes(self.allowed_bytes)} allowed. Try: {step}."

    def __str__(self) -> str:
        lines = [f"{format_bytes(size):>10}  {name}" for name, size in self.rows()]
        return "\n".join([*lines, *([self.advice] if self.advice else [])])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><td style="text-align:left">{escape(name)}</td><td>{format_bytes(size)}</td></tr>'
            for name, size in self.rows()
        )
        advice = f'<p style="color:#c0392b">{escape(self.advice)}</p>' if self.advice else ""
        return f"<table>{rows}</table><p>{self.tasks} tasks</p>{advice}"


def projected(*collections: Any, workers: int = 2, allowed: str | int | None = None) -> Projection:
    """Tell how much memory `dask.compute(*collections)` is going to hold, without computing it.

    `collections` are dask arrays or delayed values (what `da.store(..., compute=False)` returns, for one). One step of each
    kind is tried out on one block, to learn the size of what it returns; so one block of each kind is read. `workers`
    threads work at once. With `allowed`, a size such as "64 MiB", the table ends with a warning if it is not enough.

    Source of the formula: module docstring. Raises `CourseError` for what is not a dask collection.

    Example:
        projected(movie.mean(axis=0))
    """
    from dask.base import is_dask_collection, optimize
    from dask.core import flatten

    if not collections or not all(is_dask_collection(one) for one in collections):
        raise CourseError(
            "projected() looks at dask arrays before they are computed: pass da.from_zarr(...).mean(), not numbers"
        )
    # as it will run, steps fused, which says what is alive; and step by step, which says how large a block is on the way
    optimized = optimize(*collections)
    graph, steps = _graph(optimized), _graph(collections)
    wanted = {key for one in optimized for key in flatten(one.__dask_keys__())}
    declared = _declared(collections)
    sizes = _Sizes(graph, declared)
    live = _live(graph, wanted, _ordered(graph), sizes)
    results = [sizes.of(sizes.owner(key)) for key in wanted]
    result = sum(results) if len(results) > len(collections) else 0
    finer = _Sizes(steps, declared)
    blocks = [0] * workers
    for key in _ordered(steps):
        finer.learn(key)
        size = finer.of(key)
        if _squares(steps[key]):
            size = _WIDER * sum(finer.of(one) for one in steps[key].dependencies)
        blocks.append(size)
    largest = sorted(blocks)[-workers:]
    return Projection(
        live_bytes=live,
        working_bytes=WORKING * sum(largest),
        result_bytes=result,
        largest_block_bytes=largest[-1],
        tasks=len(graph),
        workers=workers,
        allowed_bytes=None if allowed is None else parse_bytes(allowed),
    )


def _graph(collections: tuple[Any, ...]) -> dict[Any, Any]:
    """All tasks behind some collections."""
    from dask._task_spec import convert_legacy_graph

    graph: dict[Any, Any] = {}
    for one in collections:
        graph.update(one.__dask_graph__())
    return dict(convert_legacy_graph(graph))


def _ordered(graph: dict[Any, Any]) -> list[Any]:
    """The keys in the order in which dask means to run them."""
    from dask.order import order

    priorities = order(graph)
    return sorted(graph, key=lambda key: priorities[key])


def _declared(collections: tuple[Any, ...]) -> dict[Any, int]:
    """Bytes of the blocks of dask arrays, as the arrays themselves say."""
    import dask.array as da

    found: dict[Any, int] = {}
    for one in collections:
        if isinstance(one, da.Array) and not math.isnan(one.size):
            for index in itertools.product(*(range(len(axis)) for axis in one.chunks)):
                shape = [axis[place] for axis, place in zip(one.chunks, index, strict=True)]
                found[(one.name, *index)] = math.prod(shape) * one.dtype.itemsize
    return found


def _live(graph: Mapping[Any, Any], wanted: set[Any], ordered: list[Any], sizes: _Sizes) -> int:
    """The most bytes that are alive at once when the tasks run in this order.

    A result is alive until the last task that needs it has run; one that looks into another (a view) keeps that alive.
    """
    for key in ordered:
        sizes.learn(key)
    owner = {key: sizes.owner(key) for key in ordered}
    last_use: dict[Hashable, int] = {}
    for step, key in enumerate(ordered):
        for needed in graph[key].dependencies:
            last_use[owner[needed]] = step
        last_use[owner[key]] = max(last_use.get(owner[key], 0), step)
    for key in wanted:
        last_use[owner[key]] = len(ordered)
    ends: dict[int, list[Hashable]] = {}
    for key, step in last_use.items():
        ends.setdefault(step, []).append(key)
    alive = most = 0
    for step, key in enumerate(ordered):
        if owner[key] == key:
            alive += sizes.of(key)
        most = max(most, alive)
        for gone in ends.get(step, ()):
            alive -= sizes.of(gone)
    return most


class _Sizes:
    """Bytes of what each task returns, learnt by trying out one task of each kind."""

    def __init__(self, graph: Mapping[Any, Any], declared: Mapping[Any, int]) -> None:
        self._graph = graph
        self._declared = declared
        self._kinds: dict[Hashable, Hashable] = {}  # of each key
        self._examples: dict[Hashable, Any] = {}  # a result of each kind
        self._known: dict[Hashable, tuple[int, Hashable | None]] = {}  # bytes, and the key that is looked into

    def of(self, key: Hashable) -> int:
        return self._known[key][0]

    def owner(self, key: Hashable) -> Hashable:
        """The key whose memory this one looks into, itself where it has memory of its own."""
        while self._known[key][1] is not None:
            key = self._known[key][1]
        return key

    def learn(self, key: Hashable) -> None:
        """Find the size of what `key` returns; its dependencies are known already."""
        node = self._graph[key]
        needed = sorted(node.dependencies, key=str)
        kind = hash((_name(key), _shape_of_task(node), tuple(sorted(str(self._kinds[one]) for one in needed))))
        self._kinds[key] = kind
        inputs = sum(self.of(one) for one in needed)
        if kind not in self._examples:
            self._examples[kind] = self._try(node, needed)
        example = self._examples[kind]
        if example is _UNKNOWN:
            self._known[key] = self._declared.get(key, inputs), None
            return
        looks_into = next((one for one in needed if _shares(example, self._examples[self._kinds[one]])), None)
        self._known[key] = (0, looks_into) if looks_into is not None else (_bytes_of(example), None)

    def _try(self, node: Any, needed: list[Hashable]) -> Any:
        values = {one: self._examples[self._kinds[one]] for one in needed}
        if any(value is _UNKNOWN for value in values.values()):
            return _UNKNOWN
        if _is_store(node):
            return None  # it would write; what it returns holds nothing
        if sum(_bytes_of(value) for value in values.values()) > _MOST_TRIED_BYTES:
            return _joined(node, values)
        try:
            return node(values)
        except Exception:  # noqa: BLE001 - a step that fails on an example block is taken to return what it was given
            return _UNKNOWN


class _Unknown:
    """The result of a step that was not tried out."""


_UNKNOWN = _Unknown()


def _squares(node: Any) -> bool:
    """Whether a task makes float64 copies of its input on the way, as variance and standard deviation do."""
    function = getattr(node, "func", None)
    return getattr(getattr(function, "func", function), "__name__", "") == "moment_chunk"


def _is_store(node: Any) -> bool:
    """Whether a task writes somewhere, itself or in one of the steps fused into it."""
    inside = [node, *_inner_tasks(node)]
    return any(getattr(getattr(task, "func", None), "__name__", "") in _STORES for task in inside)


_STORES = frozenset({"store_chunk", "load_store_chunk"})


def _inner_tasks(node: Any) -> list[Any]:
    found: list[Any] = []
    todo = [*getattr(node, "args", ()), *(getattr(node, "kwargs", None) or {}).values()]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo.extend(value.values())
        elif isinstance(value, list | tuple):
            todo.extend(value)
        elif hasattr(value, "func") and hasattr(value, "args"):
            found.append(value)
            todo.extend(value.args)
    return found


def _joined(node: Any, values: Mapping[Any, Any]) -> Any:
    """The shape of blocks joined to a large one, as an array without memory of its own; what else is large is unknown."""
    arrays = [value for value in values.values() if isinstance(value, np.ndarray)]
    name = getattr(getattr(node, "func", None), "__name__", "")
    if name == "concatenate_shaped" and len(arrays) == len(values):
        grid = node.args[1]
        counts = math.prod(grid)
        if counts == len(arrays):
            # examples stand for several blocks: all of a kind are equally large, so the whole is their sum
            one = arrays[0]
            shape = tuple(n * size for n, size in zip(grid, one.shape, strict=True))
            return np.broadcast_to(np.zeros((), one.dtype), shape)
    return _UNKNOWN


def _name(key: Hashable) -> Hashable:
    return key[0] if isinstance(key, tuple) else key


def _shape_of_task(value: Any) -> Hashable:
    """What distinguishes tasks of one layer, positions left out: the lengths of slices, the kinds of arguments."""
    if isinstance(value, slice):
        whole = value.start is None or value.stop is None
        return ("slice", str(value)) if whole else ("slice", value.stop - value.start, value.step)
    if isinstance(value, list | tuple):
        return tuple(_shape_of_task(part) for part in value)
    if isinstance(value, dict):
        return tuple((str(_name(name)), _shape_of_task(part)) for name, part in value.items())
    if hasattr(value, "args") and hasattr(value, "dependencies"):
        return (getattr(value.func, "__name__", ""), _shape_of_task(value.args), _shape_of_task(value.kwargs or {}))
    return type(value).__name__


def _bytes_of(value: Any) -> int:
    """Bytes of arrays in a value. What only stands for data on disk (a zarr array) has none."""
    if isinstance(value, np.ndarray | np.generic):
        return int(value.nbytes)
    if isinstance(value, list | tuple):
        return sum(_bytes_of(part) for part in value)
    if isinstance(value, dict):
        return sum(_bytes_of(part) for part in value.values())
    return 0


def _shares(result: Any, given: Any) -> bool:
    return isinstance(result, np.ndarray) and isinstance(given, np.ndarray) and np.may_share_memory(result, given)
