"""`ceiling` and `measure` in a plain process and in a real kernel: what passes, what fails, when, and with which words."""

from __future__ import annotations

import concurrent.futures
import gc
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zarr
from nbclient import NotebookClient
from nbformat import v4
from traitlets.config.loader import Config

from autograde import MemoryCeilingExceeded, block, ceiling, measure
from autograde.block import MEASUREMENT_MIME, LocalRun, Spec, use_bench
from autograde.errors import CourseError
from autograde.lines import seen_from
from autograde.meters import default_meter
from autograde.types import Measurement, from_json

MIB = 2**20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="exact figures need the tree meter")


def ones(size_mib):
    return np.ones(size_mib * MIB, np.uint8)


# --- in this process --------------------------------------------------------------------------------------------------


def test_a_block_under_its_ceiling_passes_and_tells_its_peak():
    with ceiling("64 MiB") as m:
        kept = ones(32)
    assert len(kept) == 32 * MIB
    assert m.peak_bytes == pytest.approx(32 * MIB, rel=0.1)
    assert m.measurement.ceiling_bytes == 64 * MIB
    assert not m.measurement.exceeded


def test_a_block_above_its_ceiling_raises_an_assertion_error_with_the_facts():
    with pytest.raises(MemoryCeilingExceeded) as caught, ceiling("16 MiB", data="32 MiB"):
        ones(32)
    assert isinstance(caught.value, AssertionError)
    seen = caught.value.measurement
    assert seen.peak_bytes == pytest.approx(32 * MIB, rel=0.1)
    assert seen.ceiling_bytes == 16 * MIB
    assert str(caught.value).startswith("Too much memory: 3")
    assert "16 MiB allowed" in str(caught.value)
    assert "a 1 TiB recording would need" in str(caught.value)


def test_what_memray_says_on_being_imported_does_not_reach_stderr(tmp_path):
    (tmp_path / "memray.py").write_text("import os\nos.write(2, b'WARNING')\ndef set_log_level(level): pass\n")
    code = "import os; from autograde.recording import import_memray; print(import_memray().__name__); os.write(2, b'heard')"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("memray\n", "heard")


def test_the_figure_is_not_known_before_the_end():
    with measure() as m:
        assert m.peak_bytes is None
        assert m.measurement is None
    assert m.peak_bytes is not None


def test_measure_never_fails_for_memory():
    with measure(predicted="1 MiB", data="2 MiB") as m:
        ones(64)
    assert m.peak_bytes > 60 * MIB
    assert (m.measurement.ceiling_bytes, m.measurement.predicted_bytes, m.measurement.data_bytes) == (
        None,
        MIB,
        2 * MIB,
    )


def test_an_exception_of_the_code_passes_through_even_when_it_is_hungry():
    with pytest.raises(ZeroDivisionError), ceiling("4 MiB") as m:
        len(ones(12)) / 0
    assert m.measurement.exceeded


def test_a_memory_error_above_the_ceiling_is_told_as_the_ceiling():
    with pytest.raises(MemoryCeilingExceeded) as caught, ceiling("4 MiB"):
        raise MemoryError(len(ones(12)))
    assert isinstance(caught.value.__cause__, MemoryError)


def test_a_memory_error_under_the_ceiling_stays_what_it_is():
    with pytest.raises(MemoryError), ceiling("4 MiB"):
        raise MemoryError


@pytest.mark.parametrize("size", ["100MBfoo", "-1 MiB", 0, "64", ""])
def test_a_wrong_size_is_refused_before_anything_runs(size):
    for make in (ceiling, lambda size: ceiling("8 MiB", data=size), lambda size: measure(predicted=size)):
        with pytest.raises(ValueError, match=r"expected a size (such as '64 MiB'|above zero)"):
            make(size)


def test_runaway_code_is_stopped_near_four_times_its_ceiling():
    kept = []
    with pytest.raises(MemoryCeilingExceeded, match="stopped at") as caught, ceiling("8 MiB"):  # noqa: PT012 - it is the loop that fails
        while len(kept) < 2048:
            kept.append(ones(1))
    kept.clear()
    seen = caught.value.measurement
    assert seen.stopped
    assert 32 * MIB < seen.peak_bytes < 256 * MIB


def test_runaway_code_is_stopped_where_interrupts_are_ignored():
    """As in a process that a shell has started in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        test_runaway_code_is_stopped_near_four_times_its_ceiling()
    finally:
        signal.signal(signal.SIGINT, before)


def test_runaway_code_in_a_thread_that_is_not_the_main_one_is_stopped_there():
    caught = []

    def work():
        kept = []
        try:
            with ceiling("8 MiB"):
                while len(kept) < 2048:
                    kept.append(ones(1))
        except MemoryCeilingExceeded as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert caught[0].measurement.stopped


def later_mib(seen):
    """How much more than at the stop is held half a second later."""
    time.sleep(0.5)
    return (default_meter().read().total_bytes - seen.baseline_bytes - seen.peak_bytes) / MIB


def read_whole(array):
    return array[:]


def wait_for_a_pool(array):
    with ThreadPoolExecutor(2) as pool:
        parts = [pool.submit(ones, 1) for _ in range(2048)]
        try:
            concurrent.futures.wait(parts)
        finally:
            for part in parts:
                part.cancel()


def wait_for_a_program(array):
    code = "kept = []\nfor _ in range(2000): kept.append(b'x' * 2**20)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        try:
            child.wait(60)  # an interrupt gives it a quarter of a second more
        finally:
            child.kill()
            child.wait()


@pytest.mark.parametrize(
    ("work", "thread"),
    [  # an exception reaches other threads than the main one only when their wait has ended, as zarr's does
        (read_whole, "main"),
        (read_whole, "other"),
        (wait_for_a_pool, "main"),
        (wait_for_a_program, "main"),
    ],
)
def test_runaway_code_is_stopped_where_the_thread_only_waits(tmp_path, work, thread):
    """`z[:]` waits for zarr's own thread, and that one must stop, too; 600 MiB were once read under 8."""
    array = zarr.create_array(tmp_path / "a.zarr", shape=(600, 1024, 1024), chunks=(1, 1024, 1024), dtype="uint8")
    array[:] = 1
    caught = []

    def run():
        try:
            with ceiling("8 MiB"):
                work(array)
        except MemoryCeilingExceeded as error:
            caught.append(error.measurement)

    if thread == "main":
        run()
    else:
        other = threading.Thread(target=run)
        other.start()
        other.join()
    (seen,) = caught
    assert seen.stopped
    assert seen.peak_bytes < (1000 if work is wait_for_a_program else 200) * MIB
    assert later_mib(seen) < 16
    assert array[3, 5, 7] == 1  # zarr works on


def test_waiting_code_is_stopped_where_interrupts_are_ignored_and_they_are_again_afterwards():
    """As in a process that a shell has started in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(MemoryCeilingExceeded, match="stopped at"), ceiling("8 MiB"):
            wait_for_a_program(None)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_an_outer_block_held_stays_when_another_begins():
    """The kernel keeps one mark for the process, and each block begins by resetting it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # the poll's thread does not run meanwhile
    try:
        with measure() as outer:
            spike = b"x" * (32 * MIB)
            del spike
            with measure() as inner:
                pass
    finally:
        sys.setswitchinterval(before)
    assert outer.peak_bytes == pytest.approx(32 * MIB, rel=0.1)
    assert inner.peak_bytes < 8 * MIB


def test_a_block_is_entered_once():
    block = measure()
    with block:
        pass
    with pytest.raises(CourseError, match="entered before"), block:
        pass


def test_a_broken_ceiling_can_be_handed_on_by_a_pool_of_processes():
    error = MemoryCeilingExceeded("too much", Measurement("tree", 13, 7, 0.5))
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == "too much"
    assert again.measurement == error.measurement


def test_code_that_swallows_the_stop_still_fails():
    kept = []
    with pytest.raises(MemoryCeilingExceeded, match="stopped at"), ceiling("8 MiB"):  # noqa: PT012 - it is the loop that fails
        try:
            while len(kept) < 2048:
                kept.append(ones(1))
        except KeyboardInterrupt:
            kept.clear()


class Cleaning:
    """Takes its time when it is let go."""

    def __init__(self, kept):
        self.kept = kept

    def __del__(self):
        for _ in range(64):
            self.kept.append(ones(1))
            time.sleep(0.005)


def clean_up(kept):
    cleaning = Cleaning(kept)
    del cleaning


def collect(kept):
    gc.callbacks.append(clean := lambda phase, info: phase == "start" and clean_up(kept))
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(clean)


def locking(rounds):
    """A function of `threading`, as far as anyone can tell, which holds a lock meanwhile."""
    space = {"__name__": "threading", "sleep": time.sleep, "rounds": rounds}
    exec(
        "def release(kept):\n"
        "    for _ in range(rounds):\n"
        "        kept.append(b'x' * 2**20)\n"
        "        sleep(0.005)\n"
        "    kept.append('released')",
        space,
    )
    return space["release"]


@pytest.mark.parametrize("callback", [clean_up, collect, locking(64)])
def test_a_stop_waits_for_what_would_swallow_it_or_leave_a_lock_taken(callback, monkeypatch):
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    monkeypatch.setattr(block, "_PATIENCE_SECONDS", 60.0)
    kept = []
    with pytest.raises(MemoryCeilingExceeded) as caught, ceiling("8 MiB"):  # noqa: PT012 - it is the loop that fails
        callback(kept)
        while len(kept) < 2048:
            kept.append(ones(1))
    assert not ignored
    assert caught.value.measurement.stopped
    assert len(kept) < 200
    assert callback in (clean_up, collect) or kept[64] == "released"


def test_a_stop_does_not_wait_for_ever_for_a_better_moment():
    kept = []
    with pytest.raises(MemoryCeilingExceeded), ceiling("8 MiB"):
        locking(2048)(kept)
    assert len(kept) < 1000


def test_code_that_swallows_the_stop_is_stopped_again_when_it_goes_on():
    kept = []
    with pytest.raises(MemoryCeilingExceeded) as caught, ceiling("8 MiB"):  # noqa: PT012 - it is the loop that fails
        try:
            while len(kept) < 2048:
                kept.append(ones(1))
        except KeyboardInterrupt:
            while len(kept) < 2048:
                kept.append(ones(1))
    assert caught.value.measurement.peak_bytes < 300 * MIB


def test_blocks_inside_each_other_each_tell_their_own_peak():
    with measure() as outer:
        kept = ones(24)
        with measure() as inner:
            ones(12)
    assert len(kept) == 24 * MIB
    assert inner.peak_bytes == pytest.approx(12 * MIB, rel=0.25)
    assert outer.peak_bytes == pytest.approx(36 * MIB, rel=0.25)


def test_a_meter_that_sees_nothing_makes_a_ceiling_fail(monkeypatch):
    class Blind:
        name = "blind"

        def begin(self, spec):
            return self

        def end(self):
            return Measurement("blind", None, 64 * MIB, 0.1)

        def show(self, measurement):
            pass

        def postpone(self, error):
            return False

    with use_bench(Blind()), pytest.raises(MemoryCeilingExceeded, match="could not be measured"), ceiling("64 MiB"):
        pass


def test_no_thread_and_no_file_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with measure():
        assert "autograde-poller" in [thread.name for thread in threading.enumerate()]
        ones(4)
    assert "autograde-poller" not in [thread.name for thread in threading.enumerate()]
    assert list(tmp_path.iterdir()) == []


def test_the_students_own_side_may_measure_without_interrupting():
    run = LocalRun(Spec(1 * MIB), meter=default_meter(), interrupt=False)
    kept = ones(64)
    seen = run.end()
    assert len(kept) == 64 * MIB
    assert not seen.stopped
    assert seen.peak_bytes > 60 * MIB


def test_a_line_outside_of_any_cell_is_not_a_students_line():
    assert seen_from(sys._getframe()) is None


# --- in a kernel ------------------------------------------------------------------------------------------------------

SETUP = """\
import numpy as np
from autograde import ceiling, measure, MemoryCeilingExceeded
MIB = 2**20
def hungry(size_mib):
    everything = np.ones(size_mib * MIB, np.uint8)
    return everything.sum()
"""
CELLS = {
    "setup": SETUP,
    "under": 'with ceiling("64 MiB") as m:\n    r = hungry(16)\nassert r == 16 * MIB',
    "over": 'with ceiling("16 MiB") as m:\n    r = hungry(40)\nassert r == 40 * MIB\nreached = "the end"',
    "reached": "print(reached)",
    "wrong and over": 'with ceiling("16 MiB") as m:\n    r = hungry(40)\nassert r == 7, "seven it is"',
    "next cell": "print('fine')",
    "caught": (
        "try:\n"
        '    with ceiling("16 MiB"):\n'
        "        hungry(40)\n"
        "except MemoryCeilingExceeded as error:\n"
        '    print("caught at once:", error.measurement.ceiling_bytes)'
    ),
    "pytest": (
        "import pytest\n"
        'with pytest.raises(AssertionError, match="Too much"), ceiling("16 MiB"):\n'
        "    hungry(40)\n"
        'print("expected")'
    ),
    "function": 'def check():\n    with ceiling("16 MiB"):\n        hungry(40)\n    print("not reached")\ncheck()',
    "runaway": (
        'with ceiling("8 MiB"):\n'
        "    kept = []\n"
        "    while len(kept) < 2000:\n"
        "        kept.append(np.ones(MIB, np.uint8))\n"
    ),
    "stack": (
        "import tempfile, zarr\n"
        "shape, chunks = (256, 1024, 1024), (1, 1024, 1024)\n"
        "stack = zarr.create_array(tempfile.mkdtemp() + '/a.zarr', shape=shape, chunks=chunks, dtype='uint8')\n"
        "stack[:] = 1\n"
        "def whole(array):\n"
        "    return array[:].sum()\n"
    ),
    "whole stack": "with ceiling('8 MiB'):\n    whole(stack)",
    "stack works": "print(int(stack[3, 5, 7]))",
    "alive": "del kept\nprint('alive')",
    "measure": 'with measure(predicted="24 MiB"):\n    hungry(24)',
    "two": 'with ceiling("64 MiB"):\n    hungry(8)\nwith ceiling("4 MiB"):\n    hungry(13)\nassert True',
    "error": 'with ceiling("64 MiB"):\n    1 / 0',
    "helper": "class Camera:\n    def take(self):\n        return np.ones(MIB, np.uint8)",
    "keeps": """\
def keep(camera):
    kept = []
    for _ in range(40):
        kept.append(camera.take())
    return len(kept)
""",
    "by a helper": "with ceiling('16 MiB'):\n    n = keep(Camera())",
    "hoards": """\
def hoard(size_mib):
    volume = np.ones(size_mib * MIB, np.uint8)
    a_little = np.ones(3 * MIB, np.uint8)
    return int(volume[0] + a_little[0])
""",
    "held before the peak": "with ceiling('16 MiB'):\n    n = hoard(40)",
    "again": """\
def told():
    try:
        with ceiling("16 MiB"):
            hoard(40)
    except MemoryCeilingExceeded as error:
        print(error.measurement.line.number, len(error.measurement.allocations) > 0)
told()
told()
""",
    "promises": """\
def promise(movie):
    first = np.ones(6 * MIB, np.uint8)
    movie = movie + first[0]
    return movie.rechunk(-1)
""",
    "kept later": """\
import dask.array as da
movie = da.ones((64, 2**20), chunks=(1, 2**20), dtype="uint8")
with ceiling("16 MiB"):
    total = promise(movie)[::2].sum().compute()
""",
    "names": "def joined(movie):\n    return movie.rechunk((-1, -1)) + 1\ndef slabs(movie):\n    return movie + 1",
    "kept later, and too fast to be seen": "with ceiling('16 MiB'):\n    total = joined(slabs(movie))[::2].sum().compute()",
    "a late poll": """\
from autograde.block import LocalRun, Spec
from autograde.meters import default_meter
run = LocalRun(Spec(16 * MIB), meter=default_meter(), poll_seconds=60, record=False)
hungry = np.ones(40 * MIB, np.uint8)
seen = run.end()
print(seen.exceeded, seen.line)
""",
    "given": """\
def widen(block):
    wide = np.zeros(block.shape, "float64")
    wide += block
    return wide
""",
    "given to dask": "with ceiling('16 MiB'):\n    total = movie[:8].rechunk((4, -1)).map_blocks(widen).sum().compute()",
}


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """The outputs of `CELLS`, by name, from one real kernel."""
    folder = tmp_path_factory.mktemp("kernel")
    book = v4.new_notebook(cells=[v4.new_code_cell(source) for source in CELLS.values()])
    client = NotebookClient(
        book,
        timeout=120,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        config=Config({"KernelManager": {"transport": "ipc", "ip": str(folder / "k")}}),
    )
    client.execute()
    return dict(zip(CELLS, (cell.outputs for cell in book.cells), strict=True))


def error_in(outputs):
    return next(((out.ename, out.evalue) for out in outputs if out.output_type == "error"), None)


def printed_in(outputs):
    return "".join(out.text for out in outputs if out.output_type == "stream" and out.name == "stdout")


def measured_in(outputs):
    return [
        from_json(Measurement, json.dumps(out.data[MEASUREMENT_MIME]))
        for out in outputs
        if out.output_type == "display_data" and MEASUREMENT_MIME in out.data
    ]


def test_in_a_kernel_a_block_under_its_ceiling_passes_with_a_chart(kernel):
    assert error_in(kernel["under"]) is None
    (shown,) = kernel["under"]
    assert shown.data["image/svg+xml"].startswith("<svg")
    assert "of 64 MiB allowed" in shown.data["text/plain"]
    assert measured_in(kernel["under"])[0].peak_bytes == pytest.approx(16 * MIB, rel=0.25)


def test_at_the_top_of_a_cell_the_error_waits_for_the_rest_and_calls_the_answer_right(kernel):
    kind, words = error_in(kernel["over"])
    assert kind == "MemoryCeilingExceeded"
    assert words.startswith("Right answer, too much memory: 4")
    assert printed_in(kernel["reached"]) == "the end\n"


def test_the_line_of_the_students_function_is_named(kernel):
    _, words = error_in(kernel["over"])
    assert "Line 5 of `hungry`, `everything = np.ones(size_mib * MIB, np.uint8)`" in words


def test_the_line_is_the_students_even_where_a_helper_of_the_notebook_allocates(kernel):
    _, words = error_in(kernel["by a helper"])
    assert "Line 4 of `keep`, `kept.append(camera.take())`" in words


def test_the_line_is_the_one_that_holds_the_most_and_not_the_last_before_the_peak(kernel):
    _, words = error_in(kernel["held before the peak"])
    assert "Line 2 of `hoard`, `volume = np.ones(size_mib * MIB, np.uint8)`" in words


def test_allocations_are_recorded_once_it_is_known_that_the_ceiling_breaks_and_the_line_stays(kernel):
    assert printed_in(kernel["again"]) == "2 False\n2 True\n"


def test_where_a_promise_is_kept_outside_of_its_function_the_whole_axis_that_it_joined_is_named(kernel):
    _, words = error_in(kernel["kept later"])
    assert "Line 4 of `promise`, `return movie.rechunk(-1)`, joins all of the first axis" in words


def test_a_function_that_is_too_fast_to_be_seen_is_known_by_its_name(kernel):
    _, words = error_in(kernel["kept later, and too fast to be seen"])
    assert "Line 2 of `joined`, `return movie.rechunk((-1, -1)) + 1`, joins all of the first axis" in words


def test_a_poll_that_comes_late_does_not_blame_the_line_that_begins_or_ends_the_block(kernel):
    """Found by comparing lines with those of memray, with two kernels on two cores."""
    assert printed_in(kernel["a late poll"]) == "True None\n"


def test_the_line_is_the_students_where_dask_runs_their_function_on_its_own_threads(kernel):
    _, words = error_in(kernel["given to dask"])
    assert "of `widen`, `wide" in words


def test_what_is_shown_of_the_error_is_the_message_and_not_our_own_stack(kernel):
    error = next(out for out in kernel["over"] if out.output_type == "error")
    assert "autograde/block.py" not in "".join(error.traceback)
    assert "Right answer" in "".join(error.traceback)


def test_an_answer_that_is_wrong_and_hungry_fails_as_wrong(kernel):
    assert error_in(kernel["wrong and over"]) == ("AssertionError", "seven it is")


def test_an_error_that_waited_does_not_reach_the_next_cell(kernel):
    assert error_in(kernel["next cell"]) is None
    assert printed_in(kernel["next cell"]) == "fine\n"


def test_a_try_around_a_ceiling_catches_at_once(kernel):
    assert error_in(kernel["caught"]) is None
    assert printed_in(kernel["caught"]) == "caught at once: 16777216\n"


def test_pytest_raises_around_a_ceiling_catches_at_once(kernel):
    assert error_in(kernel["pytest"]) is None
    assert printed_in(kernel["pytest"]) == "expected\n"


def test_inside_a_function_the_error_is_raised_at_once(kernel):
    kind, words = error_in(kernel["function"])
    assert kind == "MemoryCeilingExceeded"
    assert words.startswith("Too much memory")
    assert printed_in(kernel["function"]) == ""


def test_runaway_code_is_stopped_at_its_line_and_the_kernel_lives(kernel):
    kind, words = error_in(kernel["runaway"])
    assert kind == "MemoryCeilingExceeded"
    assert "stopped at" in words
    assert "`kept.append(np.ones(MIB, np.uint8))`" in words
    assert printed_in(kernel["alive"]) == "alive\n"


def test_who_reads_a_whole_zarr_array_is_stopped_at_that_line_and_zarr_works_on(kernel):
    kind, words = error_in(kernel["whole stack"])
    assert kind == "MemoryCeilingExceeded"
    assert int(re.search(r"stopped at (\d+) MiB", words)[1]) < 128
    assert "Line 6 of `whole`, `return array[:].sum()`, reads the whole array at once." in words
    assert printed_in(kernel["stack works"]) == "1\n"


def test_measure_shows_prediction_and_peak_and_does_not_fail(kernel):
    assert error_in(kernel["measure"]) is None
    assert "you predicted 24 MiB" in kernel["measure"][0].data["text/plain"]


def test_two_blocks_in_a_cell_are_both_shown_and_the_one_above_its_ceiling_fails(kernel):
    assert [seen.ceiling_bytes for seen in measured_in(kernel["two"])] == [64 * MIB, 4 * MIB]
    kind, words = error_in(kernel["two"])
    assert kind == "MemoryCeilingExceeded"
    assert "4 MiB allowed" in words


def test_an_error_in_the_code_is_shown_as_it_is(kernel):
    assert error_in(kernel["error"]) == ("ZeroDivisionError", "division by zero")


def test_a_prediction_without_a_unit_is_asked_for_one():
    with pytest.raises(ValueError, match="with its unit, such as '20 MiB', got 20"):
        measure(predicted=20)


def test_looking_for_the_line_keeps_nothing_alive():
    """Found by `slope`: a look at the stack kept the frames, and their arrays, until the next garbage collection."""
    gc.collect()
    with measure() as m:
        for _ in range(256):
            ones(1).sum()
    assert m.peak_bytes < 4 * MIB


@pytest.mark.parametrize("size", ["3 MiB", "1 KiB", 5])
def test_a_ceiling_below_the_meters_error_is_refused(size):
    with pytest.raises(ValueError, match="is finer than the meter `tree` can tell: expected at least 4 MiB"):
        ceiling(size)


def test_what_a_generator_does_after_the_block_is_not_measured():
    def parts():
        yield ones(1)
        yield ones(40)

    with ceiling("16 MiB") as m:
        generator = parts()
        next(generator)
    assert len(next(generator)) == 40 * MIB
    assert m.peak_bytes < 4 * MIB
