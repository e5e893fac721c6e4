"""The conditions of a block: two threads and four chunks in hand, put back afterwards; a baseline that repeats itself."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
import zarr
from numcodecs import blosc
from zarr.core import sync

from autograde import MemoryCeilingExceeded, ceiling, conditions, measure
from autograde.conditions import settle

MIB = 2**20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="exact figures need the tree meter")


def test_parallelism_is_pinned_inside_and_put_back_afterwards():
    blosc.set_nthreads(7)
    try:
        with (
            dask.config.set(num_workers=13),
            zarr.config.set({"async.concurrency": 11, "threading.max_workers": 5}),
        ):
            with measure():
                inside = (
                    dask.config.get("num_workers"),
                    zarr.config.get("async.concurrency"),
                    zarr.config.get("threading.max_workers"),
                    blosc.set_nthreads(2),
                )
            assert inside == (2, 4, 2, 2)
            assert dask.config.get("num_workers") == 13
            assert zarr.config.get("async.concurrency") == 11
            assert zarr.config.get("threading.max_workers") == 5
            assert blosc.set_nthreads(7) == 7
    finally:
        blosc.set_nthreads(1)


def test_blocks_in_threads_that_end_in_turn_are_pinned_until_the_last():
    """What the second one found was the first one's: put back by the one that ends last, it stayed for good."""
    with dask.config.set(num_workers=13):
        first, second = measure(), measure()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert dask.config.get("num_workers") == 2
        assert {thread.name.rpartition("_")[0] for thread in zarr_threads()} == {"autograde_zarr"}
        second.__exit__(None, None, None)
        assert dask.config.get("num_workers") == 13
        assert "autograde_zarr" not in {thread.name.rpartition("_")[0] for thread in zarr_threads()}


def zarr_threads():
    """The threads on which zarr reads files and unpacks chunks at the moment."""

    async def many():
        return set(await asyncio.gather(*(asyncio.to_thread(threading.current_thread) for _ in range(200))))

    return sync.sync(many())


@pytest.mark.parametrize(("own", "name"), [(None, "asyncio"), (5, "zarr_pool")], ids=["asyncio's threads", "its pool"])
def test_zarr_works_on_two_threads_inside_and_on_its_own_again_afterwards(own, name):
    """Its pool is made once and kept: what it was set to for a while lasted, or did nothing."""
    program = f"""
        from test_conditions import *
        def names(): return {{thread.name.rpartition("_")[0] for thread in zarr_threads()}}
        with zarr.config.set({{"threading.max_workers": {own}}}):
            assert names() == {{"{name}"}}
        for _ in range(2):
            with measure():
                assert names() == {{"autograde_zarr"}}
                assert len(zarr_threads()) <= 2
            assert names() == {{"{name}"}}
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["_executor", "_get_loop"])
def test_a_zarr_that_names_its_threads_otherwise_keeps_them(monkeypatch, name):
    """The names are private: the next zarr may go without, and a class must not."""
    held = getattr(sync, name)
    monkeypatch.delattr(sync, name)
    with measure():
        assert zarr.config.get("async.concurrency") == 4
        monkeypatch.setattr(sync, name, held, raising=False)
        assert "autograde_zarr" not in {thread.name.rpartition("_")[0] for thread in zarr_threads()}


def test_parallelism_is_put_back_after_a_failure_too():
    with dask.config.set(num_workers=13):
        with pytest.raises(ZeroDivisionError), ceiling("64 MiB"):
            1 / 0  # noqa: B018
        assert dask.config.get("num_workers") == 13


def test_settle_asks_macos_for_what_its_allocator_keeps(monkeypatch):
    asked = []

    class Library:
        def malloc_zone_pressure_relief(self, zone, goal):
            asked.append((zone, goal.value))

    monkeypatch.setattr(conditions.sys, "platform", "darwin")
    monkeypatch.setattr(conditions.ctypes, "CDLL", lambda name: Library())
    conditions.settle()
    assert asked == [(None, 0)]


def test_settle_drops_the_arrays_of_the_last_failure():
    released = []

    class Held:
        def __del__(self):
            released.append(True)

    def fail():
        kept = Held()  # noqa: F841 - lives in the frame
        raise ValueError

    try:
        fail()
    except ValueError as error:
        sys.last_exc = sys.last_value = error
        sys.last_traceback = error.__traceback__
    gc.collect()
    assert not released
    settle()
    assert released


MANY_CORES = """
import os, sys
os.cpu_count = lambda: 32
os.sched_getaffinity = lambda pid: set(range(32))
import dask.array as da, numpy as np, zarr
import dask.system
import dask.threaded
from contextlib import nullcontext
from autograde import block
from autograde.types import to_json
if sys.argv[2] == "free":
    block.pinned = nullcontext
import time
def slow(part):
    time.sleep(0.02)  # so that all workers have a block at the same time, whatever the machine
    return part + 1.0
movie = zarr.open_array(sys.argv[1], mode="r")
da.from_zarr(movie)[:8].sum().compute()
with block.measure() as m:
    da.from_zarr(movie).map_blocks(slow, dtype=float).sum().compute(**({"num_workers": 32} if sys.argv[2] == "free" else {}))
print(m.peak_bytes)
"""


def test_the_number_of_cores_changes_nothing(tmp_path):
    """On 32 faked cores a block holds what it holds on this machine; without the pin it would be many times that."""
    movie = zarr.create_array(tmp_path / "movie.zarr", shape=(512, 128, 128), chunks=(8, 128, 128), dtype="uint16")
    movie[:] = 7

    def peak(program, how):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "movie.zarr"), how],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    here = MANY_CORES.replace("os.cpu_count = lambda: 32", "").replace(
        "os.sched_getaffinity = lambda pid: set(range(32))", ""
    )
    few, many, free = peak(here, "pinned"), peak(MANY_CORES, "pinned"), peak(MANY_CORES, "free")
    assert many == pytest.approx(few, abs=3 * MIB)
    assert free > 3 * many


def test_what_pools_still_work_on_is_waited_for_and_idle_pools_are_not(monkeypatch):
    begun, go_on = threading.Event(), threading.Event()

    def work():
        begun.set()
        go_on.wait()

    with ThreadPoolExecutor(2) as pool:
        pool.submit(int).result()
        conditions.let_pools_finish()  # its thread may still be putting the result away
        assert not conditions._pools_at_work()
        assert not pool.submit(conditions._pools_at_work).result()  # a block in a pool does not wait for itself
        pool.submit(work)
        begun.wait()
        assert conditions._pools_at_work()
        monkeypatch.setattr(conditions, "_PATIENCE_SECONDS", 0.05)
        conditions.let_pools_finish()  # comes back all the same
        monkeypatch.setattr(conditions, "_PATIENCE_SECONDS", 60.0)
        threading.Timer(0.05, go_on.set).start()
        conditions.let_pools_finish()
        assert go_on.is_set()
        assert not conditions._pools_at_work()


def test_a_block_after_one_that_was_stopped_begins_when_dask_has_let_go():
    """Its steps went on for a while, and what they held was there before the next block: a hungry answer passed."""
    wide = da.ones((16, 2**20), chunks=(1, 2**20), dtype="uint8").rechunk((8, -1))

    def answer():
        return wide.map_blocks(lambda block: block.astype("float64") + 1, dtype="float64").sum().compute()

    for _ in range(2):
        with pytest.raises(MemoryCeilingExceeded), ceiling("8 MiB"):
            answer()
        with measure() as seen:
            np.ones(48 * MIB, np.uint8)
        assert seen.peak_bytes > 44 * MIB
