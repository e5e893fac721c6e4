"""The conditions under which blocks are measured, so that the same code holds the same: allocator, baseline, threads.

All of them are of the whole process, and none of them depends on the machine: verdicts are the same on 2 and 32 cores.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

from .lines import ipython_shell
from .recording import import_memray
from .types import MIB

__all__ = [
    "ALLOCATOR",
    "WARMED",
    "give_up_zarr",
    "interruptible",
    "let_pools_finish",
    "pinned",
    "settle",
    "settle_allocator",
    "thread_frames",
    "warm_up",
]

#: Threads that dask and zarr may use inside a block, so that 2 and 32 cores give the same verdict.
_WORKERS = 2
#: Chunks that zarr may have in hand at a time inside a block, for each of its reads and writes. With as many as threads, a
#: thread waits whenever a chunk is with the event loop (`meter.py parts` prints what the conditions of a block take).
_CHUNKS_IN_HAND = 4
#: How long a block that was stopped waits for what pools still work on.
_PATIENCE_SECONDS = 5.0
#: Modules of Python that take locks and give them back, and their functions that wait meanwhile.
_LOCKING = ("threading", "queue", "concurrent.futures.thread", "concurrent.futures._base")
_WAITING = ("wait", "join", "_wait_for_tstate_lock")
#: Libraries that allocate at first use what they keep for good.
WARMED = ("dask.array", "zarr")
#: Settings of glibc: their environment variables, numbers for mallopt(3), and values. One arena; what is freed goes back.
#: Blocks below 32 MiB go back only when the top of the heap does: if each went back at once, peaks would be more alike, and
#: work on chunks would take half as long again or more, because every page is faulted in anew.
ALLOCATOR = (
    ("MALLOC_ARENA_MAX", -8, 1),
    ("MALLOC_MMAP_THRESHOLD_", -3, 32 * MIB),
    ("MALLOC_TRIM_THRESHOLD_", -1, 64 * MIB),
)
_PR_SET_THP_DISABLE, _PR_GET_THP_DISABLE = 41, 42
#: Threads of ours for the event loops of zarr that are alive: it has a new one after a fork.
_POOLS: WeakKeyDictionary[Any, ThreadPoolExecutor] = WeakKeyDictionary()
_PINNING = threading.Lock()
_pins, _pinned_blocks = ExitStack(), 0


def settle_allocator() -> None:
    """Let glibc give freed memory back, as in the student process of the judge (`ALLOCATOR`); elsewhere do nothing.

    It keeps what threads have freed in arenas of their own, which nothing but those threads can empty: 137 MiB that eight
    threads hold at once read 35 MiB the second time. So this is done when `autograde` is imported, before threads start.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):  # musl has none, and keeps nothing
            for _, number, value in ALLOCATOR:
                libc.mallopt(number, value)


def settle() -> None:
    """Bring this process to a repeatable baseline: drop garbage, and give freed memory back to the system.

    IPython keeps the last failed cell's frames, and with them its arrays, in `sys.last_*`.
    """
    for name in ("last_exc", "last_type", "last_value", "last_traceback"):
        if hasattr(sys, name):
            setattr(sys, name, None)
    shell = ipython_shell()
    if shell is not None and getattr(shell, "InteractiveTB", None) is not None:
        shell.InteractiveTB.tb = None
    gc.collect()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "malloc_trim"):  # glibc; musl has none and returns memory by itself
            libc.malloc_trim(0)
    elif sys.platform == "darwin":
        ctypes.CDLL(None).malloc_zone_pressure_relief(None, ctypes.c_size_t(0))  # all zones, as much as there is


def warm_up() -> None:
    """Let the array libraries that are loaded allocate what they keep for good (the first dask compute: 12 MiB)."""
    import_memray()
    if "zarr" not in sys.modules:
        return
    import zarr

    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        array: Any = zarr.create_array(store=f"{folder}/a.zarr", shape=(64, 64), chunks=(16, 64), dtype="uint16")
        array[:] = 1
        if "dask.array" in sys.modules:
            import dask
            import dask.array as da

            with dask.config.set(num_workers=2):
                da.store(da.from_zarr(array) + 1, array, compute=True)
        array[:].sum()


@contextmanager
def pinned() -> Iterator[None]:
    """dask, zarr and Blosc on a fixed number of threads, put back afterwards; huge pages off while measuring.

    Memory grows with threads (the same dask mean: 35 MiB on 1, 136 MiB on 8), and a huge page is touched faster than the
    poll can see. All this holds for the whole process: with blocks in several threads, from the first to the last.
    """
    global _pinned_blocks
    with _PINNING:
        if _pinned_blocks == 0:
            _pins.enter_context(_pins_set())
        _pinned_blocks += 1
    try:
        yield
    finally:
        with _PINNING:
            _pinned_blocks -= 1
            if _pinned_blocks == 0:
                _pins.close()


@contextmanager
def _pins_set() -> Iterator[None]:
    with ExitStack() as stack:
        if "dask" in sys.modules:
            import dask

            stack.enter_context(dask.config.set(num_workers=_WORKERS))
        if "zarr" in sys.modules:
            import zarr

            settings = {"threading.max_workers": _WORKERS, "codec_pipeline.max_workers": _WORKERS}
            stack.enter_context(zarr.config.set({"async.concurrency": _CHUNKS_IN_HAND, **settings}))
            stack.enter_context(_zarr_pool())
        if "numcodecs.blosc" in sys.modules:
            from numcodecs import blosc

            stack.callback(blosc.set_nthreads, blosc.set_nthreads(_WORKERS))
        if sys.platform == "linux":
            libc = ctypes.CDLL(None)
            before = libc.prctl(_PR_GET_THP_DISABLE, 0, 0, 0, 0)
            libc.prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)
            stack.callback(libc.prctl, _PR_SET_THP_DISABLE, before, 0, 0, 0)
        yield


@contextmanager
def _zarr_pool() -> Iterator[None]:
    """zarr's file and codec calls on threads of ours, and back on what it had before.

    zarr looks at `threading.max_workers` only where it has no pool yet, and keeps that pool: setting it for a while does
    nothing, or lasts. Without a pool of its own zarr leaves the threads to asyncio (`loop.run_in_executor`), whose number
    depends on the cores. All these names are zarr's own: a zarr without them keeps its threads, and `async.concurrency`
    still bounds what it holds.
    """
    from zarr.core import sync

    if not (hasattr(sync, "_executor") and hasattr(sync, "_get_loop")):
        yield
        return
    loop, before = sync._get_loop(), sync._executor
    sync._executor = _POOLS.setdefault(loop, ThreadPoolExecutor(_WORKERS, thread_name_prefix="autograde_zarr"))
    loop.set_default_executor(sync._executor)
    try:
        yield
    finally:
        sync._executor = before
        loop.set_default_executor(before or ThreadPoolExecutor(thread_name_prefix="asyncio"))


def give_up_zarr() -> None:
    """Let zarr give up all that it is reading and writing; whoever waits for it gets `CancelledError`.

    It works on an event loop in a thread of its own, which goes on whatever happens to the thread that waits for it: under
    8 MiB, `z[:]` came to 522 MiB before an interrupt was seen. Its names are looked for as in `_zarr_pool`.
    """
    loop = next(iter(getattr(sys.modules.get("zarr.core.sync"), "loop", None) or ()), None)
    if loop is not None and loop.is_running():
        loop.call_soon_threadsafe(_cancel_all, loop)


def _cancel_all(loop: Any) -> None:
    import asyncio  # it is there where zarr is, and a notebook without zarr need not pay for it

    for task in asyncio.all_tasks(loop):
        task.cancel()


def let_pools_finish() -> None:
    """Wait, but not for ever, until no thread of a pool works on what it was given, as dask's and zarr's do.

    Whoever waited for them was stopped, they were not: what they hold would count as there before the next block.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    while _pools_at_work() and time.monotonic() < until:
        time.sleep(0.01)


def _pools_at_work() -> bool:
    """Whether another thread of `concurrent.futures` is in a call: one that waits for work is in `_worker` itself."""
    with thread_frames() as frames:
        return any(
            below.f_code.co_name == "_worker" and below.f_globals.get("__name__") == "concurrent.futures.thread"
            for number, top in frames.items()
            if number != threading.get_ident()  # the block itself may run in a pool
            for below in _stack(top.f_back)
        )


def interruptible(thread_id: int) -> bool:
    """Whether what is raised in that thread now reaches its code and leaves nothing locked.

    In a callback of the garbage collector and in a `__del__` Python ignores it. Between taking a lock and the `try` that
    gives it back it would stay taken: two threads of a pool once waited for it for ever, and the process for them.
    """
    with thread_frames() as frames:
        top = frames.get(thread_id)
        if top is not None and top.f_globals.get("__name__") in _LOCKING and top.f_code.co_name not in _WAITING:
            return False
        callbacks = {getattr(callback, "__code__", None) for callback in gc.callbacks}
        return not any(frame.f_code in callbacks or frame.f_code.co_name == "__del__" for frame in _stack(top))


@contextmanager
def thread_frames() -> Iterator[dict[int, FrameType]]:
    """Where each thread is. No garbage is collected meanwhile: that can deadlock (Python 3.11, gh-106883)."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        frames = sys._current_frames()
        try:
            yield frames
        finally:
            frames.clear()  # one of them is this one, and would keep alive what they all hold
    finally:
        if collecting:
            gc.enable()


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


settle_allocator()
