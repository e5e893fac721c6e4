"""What counts as held memory: every route by which a program gets memory, measured in a process of its own.

The cases are one contract; a meter for another system would have to pass it, too.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import psutil
import pytest
import toys

from autograde import measure, meters
from autograde.errors import MeterError
from autograde.meters import Poller, PsutilMeter, Reading, TreeMeter, default_meter, descendants
from autograde.procfs import stat_fields
from autograde.types import Measurement, from_json

MIB = 2**20
SMALL = 8 * MIB
PAGE = os.sysconf("SC_PAGE_SIZE")
linux = pytest.mark.skipif(sys.platform != "linux", reason="the tree meter reads /proc")

PROGRAM = """\
import gc, mmap, os, sys, threading, time
from pathlib import Path

import numpy as np

from autograde import ceiling, measure
from autograde.types import to_json

MIB = 2**20
folder = Path(sys.argv[1])
WITH_CHILD = "import numpy as np; a = np.ones(128 * 2**20, np.uint8); print(1, flush=True); input()"

def work():
{work}

{before}

if __name__ == "__main__":
    with measure() as block:
        work()
    print(to_json(block.measurement))
"""

#: Tells the program when the meter has seen a child of that size, so that the child need not live for a guessed time.
SEES_CHILD = """
    from autograde import meters
    reading_took_place = threading.Event()
    original = meters.TreeMeter.read
    def read(self):
        seen = original(self)
        if seen.child_bytes > {size_mib} * MIB:
            reading_took_place.set()
        return seen
    meters.TreeMeter.read = read
"""


def measured(folder: Path, work: str, *, before: str = "") -> Measurement:
    """What `measure()` says of `work`, the body of a function, in a fresh process; `before` runs outside of the block."""
    script = folder / "program.py"
    script.write_text(
        PROGRAM.format(work=textwrap.indent(textwrap.dedent(work), "    "), before=textwrap.dedent(before))
    )
    done = subprocess.run(
        [sys.executable, str(script), str(folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return from_json(Measurement, done.stdout.splitlines()[-1])


def about(size_mib: float) -> object:
    return pytest.approx(size_mib * MIB, rel=0.05)


# --- counts -----------------------------------------------------------------------------------------------------------

COUNTED = {
    "an array of ones": "a = np.ones(256 * MIB, np.uint8)",
    "zeros that are touched": "a = np.zeros(256 * MIB, np.uint8); a[::4096] = 1",
    "memory that is freed before the end": "a = np.ones(256 * MIB, np.uint8); del a; gc.collect()",
    "bytes": "a = b'x' * (256 * MIB)",
    "an anonymous map": "m = mmap.mmap(-1, 256 * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANON); m[::4096] = b'x' * 65536",
    "an anonymous shared map": "m = mmap.mmap(-1, 256 * MIB); m[::4096] = b'x' * (256 * MIB // 4096)",
    "a private map that is written to": """
        path = folder / "file"
        with path.open("wb") as file:
            file.truncate(256 * MIB)
        with path.open("r+b") as file:
            m = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        m[::4096] = b"x" * (256 * MIB // 4096)
    """,
    "multiprocessing.shared_memory": """
        from multiprocessing import shared_memory
        shared = shared_memory.SharedMemory(create=True, size=256 * MIB)
        shared.buf[::4096] = b"x" * (256 * MIB // 4096)
        shared.unlink()
        globals()["kept"] = shared  # with its child, the resource tracker, only the poll sees it: until the end
    """,
    "many small Python objects": "a = [bytes(479) for _ in range(512 * 1024 * 248 // 256)]",  # and 8 MiB of list, less 4
    "threads": """
        kept = []
        threads = [threading.Thread(target=lambda: kept.append(np.ones(64 * MIB, np.uint8))) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
    """,
}


@linux
@pytest.mark.parametrize("work", COUNTED.values(), ids=COUNTED)
def test_256_mib_are_counted_in(tmp_path, work):
    seen = measured(tmp_path, work)
    assert seen.meter == "tree"
    assert seen.peak_bytes == about(256)


@linux
def test_objects_with_an_allocation_of_their_own_count_too_with_what_the_recorder_keeps_of_each(tmp_path):
    """memray keeps about 100 bytes for each living allocation, in the process that is measured."""
    seen = measured(tmp_path, "a = [bytes(991) for _ in range(128 * 1024)]")  # from 512 bytes on, malloc is asked
    assert 128 * MIB <= seen.peak_bytes < 155 * MIB


@linux
def test_shared_memory_is_told_apart(tmp_path):
    seen = measured(tmp_path, COUNTED["an anonymous shared map"] + "; globals()['kept'] = m")
    assert seen.shared_bytes == about(256)
    assert measured(tmp_path, COUNTED["an array of ones"]).shared_bytes < SMALL


@linux
@pytest.mark.parametrize(
    ("spike", "size_mib"), [("np.ones(128 * MIB, np.uint8)", 128), ("b'x' * (64 * MIB)", 64)], ids=["array", "bytes"]
)
def test_a_short_spike_between_two_polls_is_seen(tmp_path, spike, size_mib):
    assert measured(tmp_path, spike).peak_bytes == about(size_mib)


@linux
def test_a_short_spike_between_two_polls_is_seen_beside_an_idle_child(tmp_path):
    before = """
        import subprocess
        idle = subprocess.Popen([sys.executable, "-c", "print(1, flush=True); input()"], stdin=-1, stdout=-1)
        idle.stdout.readline()
        sys.setswitchinterval(1000)  # the poll's thread does not run meanwhile
    """
    work = "x = b'x' * (64 * MIB); del x"
    assert measured(tmp_path, work, before=before).peak_bytes == about(64)


@linux
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_the_memory_of_a_multiprocessing_child_is_counted(tmp_path, method):
    work = f"""
        import multiprocessing
        context = multiprocessing.get_context("{method}")
        ready, done = context.Event(), context.Event()
        child = context.Process(target=hold, args=(ready, done))
        child.start()
        ready.wait(60)
        assert reading_took_place.wait(60)
        done.set()
        child.join(60)
        assert child.exitcode == 0
    """
    before = """
        def hold(ready, done):
            a = np.ones(256 * MIB, np.uint8)
            ready.set()
            done.wait(60)
    """
    before = textwrap.dedent(before) + textwrap.dedent(SEES_CHILD.format(size_mib=250))
    seen = measured(tmp_path, work, before=before)
    # an interpreter that was spawned holds something itself
    assert 256 * MIB * 0.95 < seen.peak_bytes < 330 * MIB
    assert seen.child_bytes >= 256 * MIB * 0.95


@linux
def test_the_memory_of_any_other_child_program_is_counted(tmp_path):
    work = """
        import subprocess
        child = subprocess.Popen([sys.executable, "-c", WITH_CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        child.stdout.readline()
        assert reading_took_place.wait(60)
        child.communicate(b"\\n")
        assert child.returncode == 0
    """
    seen = measured(tmp_path, work, before=SEES_CHILD.format(size_mib=128))
    assert 128 * MIB < seen.child_bytes < 190 * MIB


@linux
def test_a_fork_does_not_count_the_same_pages_twice(tmp_path):
    work = """
        a = np.ones(200 * MIB, np.uint8)
        go, gone = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(gone)
            os.read(go, 1)
            os._exit(0)
        assert reading_took_place.wait(60)
        os.close(gone)
        os.waitpid(pid, 0)
    """
    seen = measured(tmp_path, work, before=SEES_CHILD.format(size_mib=90))
    assert seen.peak_bytes == about(200)
    assert seen.child_bytes == pytest.approx(100 * MIB, rel=0.2)  # its share


BEFORE_EXEC = """
import os, sys
a = bytearray(b"x") * (200 * 2**20)
# the file is opened by the new process, which waits there for a reader, in the memory of this one
wait = [(os.POSIX_SPAWN_OPEN, 5, sys.argv[1], os.O_WRONLY, 0)]
os.waitpid(os.posix_spawn("/bin/true", ["true"], {}, file_actions=wait), 0)
"""


@linux
@pytest.mark.parametrize("kernel_tells", [True, False], ids=["kcmp", "kcmp refused"])
def test_a_process_that_still_works_in_the_memory_of_its_parent_counts_once(tmp_path, monkeypatch, kernel_tells):
    """A reading between vfork and exec told twice what an honest program held that started another."""
    if not kernel_tells:
        monkeypatch.setattr(meters, "_KCMP", {})
        monkeypatch.setattr(meters, "_NEW_SECONDS", 3600.0)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen([sys.executable, "-c", BEFORE_EXEC, str(pipe)]) as parent:
        meter = TreeMeter(parent.pid)
        toys.wait_until(lambda: descendants(parent.pid))
        told = [meter.read() for _ in range(20)]
        (child,) = descendants(parent.pid)
        assert meters._rollup_bytes(child)[0] > 200 * MIB  # what the kernel tells of it is its parent's
        if not kernel_tells:  # a guess holds while the process is new, or somebody could hide behind it
            monkeypatch.setattr(meters, "_NEW_SECONDS", 0.0)
            assert meter.read().child_bytes > 200 * MIB
        pipe.open("rb").close()
    assert parent.returncode == 0
    assert {reading.child_bytes for reading in told} == {0}
    assert all(200 * MIB < reading.total_bytes < 230 * MIB for reading in told)


@linux
def test_a_fork_is_told_from_a_process_in_the_memory_of_its_parent_where_the_kernel_does_not_tell(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(meters, "_KCMP", {})
    script = (
        "import os\n"
        "a = bytearray(b'x') * (64 * 2**20)\n"
        "if os.fork() == 0:\n"
        "    print(1, flush=True)\n"
        "    input()\n"
        "    a[:] = b'y' * len(a)\n"  # it has its own now
        "    print(1, flush=True)\n"
        "    input()\n"
        "else:\n"
        "    os.wait()\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], bufsize=0, **pipes) as parent:
        meter = TreeMeter(parent.pid)
        parent.stdout.readline()
        assert meter.read().child_bytes == pytest.approx(36 * MIB, abs=6 * MIB)  # half of what both see
        parent.stdin.write(b"\n")
        parent.stdout.readline()
        assert meter.read().child_bytes > 60 * MIB
        parent.stdin.write(b"\n")


@pytest.mark.parametrize(
    ("own", "child"), [((200, 100), 100), ((100, 200), 100)], ids=["a fork meanwhile", "an exit meanwhile"]
)
def test_pages_that_move_between_processes_while_they_are_read_are_not_counted_twice(monkeypatch, own, child):
    told = {1: list(own), 2: [child]}
    monkeypatch.setattr("autograde.meters._same_memory", lambda child, parent, new: False)
    monkeypatch.setattr("autograde.meters._family_of", lambda pid, exclude: {2: 1})
    monkeypatch.setattr("autograde.meters._rollup_bytes", lambda pid: (told[pid].pop(0), 0))
    monkeypatch.setattr("autograde.meters._status_reading", lambda pid: Reading(200, 0, 0, own_bytes=200))
    assert TreeMeter(1).read() == Reading(total_bytes=200, shared_bytes=0, child_bytes=100, own_bytes=200)


@linux
def test_a_child_is_found_even_where_the_system_does_not_tell_of_new_processes(monkeypatch):
    """lxcfs makes up /proc/loadavg, so the number of the newest process may stand still."""
    real = open

    def fake(path, *args, **kwargs):
        if path == "/proc/loadavg":
            return io.BytesIO(b"0.00 0.01 0.05 1/123 4711\n")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(meters, "open", fake, raising=False)
    meter = TreeMeter(os.getpid())
    before = meter.read().child_bytes
    code = "a = bytearray(b'x') * (32 * 2**20); print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        readings = [meter.read().child_bytes for _ in range(12)]
        child.communicate(b"\n")
    assert readings[-1] - before > 30 * MIB
    assert [meter.read().child_bytes for _ in range(12)][-1] == before


@linux
def test_files_in_the_private_memory_of_a_sandbox_are_counted_once(monkeypatch):
    """test_sandbox.py has the whole: a plain file in /dev/shm is counted there, mapped or not."""
    monkeypatch.setattr("autograde.meters._family_of", lambda pid, exclude: {})
    monkeypatch.setattr("autograde.meters._status_reading", lambda pid: Reading(200 * MIB, 30 * MIB, 0))
    monkeypatch.setattr("autograde.buffers.Buffers.held_bytes", lambda self, family: 0)
    monkeypatch.setattr("autograde.meters._used_bytes", {3: 50 * MIB, 4: 7 * MIB}.__getitem__)
    assert TreeMeter(1).read() == Reading(200 * MIB, 30 * MIB, 0)
    assert TreeMeter(1, tmpfs=(3, 4)).read() == Reading(227 * MIB, 57 * MIB, 0)  # 30 of these 57 are mapped


# --- does not count ---------------------------------------------------------------------------------------------------

FILE = """
    kept = []  # mapped until the end of the block, so that the last reading sees it
    path = folder / "file"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(b"x" * MIB)
"""
NOT_COUNTED = {
    "an empty array that nobody touches": "a = np.empty(1024 * MIB, np.uint8)",
    "zeros that nobody touches": "a = np.zeros(1024 * MIB, np.uint8)",
    "a memory map that is scanned": """
        a = np.memmap(folder / "file", np.uint8, "r")
        assert a.max() == 120
        kept.append(a)
    """,
    "a file that is read in blocks": """
        with (folder / "file").open("rb") as file:
            while file.read(MIB): pass
    """,
    "a file that is written in blocks": """
        with (folder / "other").open("wb") as file:
            for _ in range(64): file.write(b"x" * MIB)
    """,
    "a shared map of a file that is written": """
        a = np.memmap(folder / "file", np.uint8, "r+")
        a[::4096] = 3
        kept.append(a)
    """,
    "nothing at all": "pass",
}


@linux
@pytest.mark.parametrize("work", NOT_COUNTED.values(), ids=NOT_COUNTED)
def test_less_than_8_mib_are_counted_in(tmp_path, work):
    before = textwrap.dedent(FILE) if "folder" in work else ""
    seen = measured(tmp_path, work, before=before and f"if __name__ == '__main__':\n{textwrap.indent(before, '    ')}")
    assert 0 <= seen.peak_bytes < SMALL


@linux
def test_a_memory_map_that_comes_and_goes_between_two_polls_is_not_counted(tmp_path):
    before = """
        sys.setswitchinterval(1000)  # the poll's thread does not run while `find` scans
        (folder / "file").write_bytes(b"x" * (64 * MIB))
    """
    work = """
        with (folder / "file").open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as m:
            assert m.find(b"y") == -1
    """
    assert measured(tmp_path, work, before=before).peak_bytes < SMALL


@linux
def test_what_was_held_before_the_block_does_not_count(tmp_path):
    seen = measured(tmp_path, "b = np.ones(64 * MIB, np.uint8)", before="a = np.ones(128 * MIB, np.uint8)")
    assert seen.peak_bytes == about(64)
    assert seen.baseline_bytes > 128 * MIB


@linux
def test_memory_that_was_freed_before_the_block_cannot_hide_what_comes_after(tmp_path):
    before = "a = [bytes(991) for _ in range(128 * 1024)]\ndel a"
    seen = measured(tmp_path, "b = [bytes(991) for _ in range(128 * 1024)]", before=before)
    assert seen.peak_bytes > 100 * MIB


@linux
def test_memory_that_threads_have_freed_cannot_hide_what_comes_after(tmp_path):
    before = """
        def hold():
            pieces = [bytearray(60_000) for _ in range(300)]
            together.wait()

        together = threading.Barrier(8)

        def run_threads():
            threads = [threading.Thread(target=hold) for _ in range(8)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]

        run_threads()
    """
    assert measured(tmp_path, "run_threads()", before=before).peak_bytes == about(137)


@linux
def test_the_samples_rise_to_the_peak_and_are_few(tmp_path):
    seen = measured(tmp_path, "a = [np.ones(MIB, np.uint8) for _ in range(64)]")
    times = [at for at, _ in seen.samples]
    assert times == sorted(times)
    assert max(size for _, size in seen.samples) == seen.peak_bytes
    assert len(seen.samples) <= 240


# --- errors -----------------------------------------------------------------------------------------------------------


@linux
def test_a_process_that_does_not_exist_cannot_be_measured():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    with pytest.raises(MeterError, match=f"/proc/{child.pid}/status cannot be read: No such file"):
        TreeMeter(child.pid).read()
    assert TreeMeter(child.pid).high_water_bytes() is None
    TreeMeter(child.pid).reset_high_water()  # and nothing is raised


@linux
def test_a_process_that_has_ended_and_is_not_collected_cannot_be_measured():
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    child.stdout.read()  # until its end
    try:
        while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
            pass
        with pytest.raises(MeterError, match=f"process {child.pid} has ended"):
            TreeMeter(child.pid).read()
    finally:
        child.communicate()


@linux
def test_descendants_are_found_through_threads_and_generations_and_may_be_left_out():
    script = (
        "import subprocess, sys, threading\n"
        "inner = 'import sys; print(1, flush=True); sys.stdin.read()'\n"
        "def start():\n"
        "    subprocess.Popen([sys.executable, '-c', inner]).wait()\n"
        "threading.Thread(target=start).start()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        found = descendants(psutil.Process().pid)
        grandchild = descendants(child.pid)
        assert len(grandchild) == 1
        assert {child.pid, *grandchild} <= set(found)
        without = descendants(psutil.Process().pid, exclude=frozenset({child.pid}))
        assert not {child.pid, *grandchild} & set(without)
    finally:
        child.communicate()


# --- a meter that sees less: the same contract as far as it claims --------------------------------------------------------

WITH_PSUTIL = """
    from autograde import block, meters
    readings = []

    class Counted(meters.PsutilMeter):
        def read(self):
            readings.append(super().read())
            return readings[-1]

    def be_seen():
        count = len(readings)
        while len(readings) < count + 2:  # the first may have begun before
            time.sleep(0.001)

    block.default_meter = lambda pid=None: Counted(pid or os.getpid())
"""
CLAIMED = {
    "an array of ones": ("a = np.ones(96 * MIB, np.uint8); be_seen()", 96),
    "zeros that are touched": ("a = np.zeros(96 * MIB, np.uint8); a[::4096] = 1; be_seen()", 96),
    "many small objects": ("a = [bytes(4063) for _ in range(96 * 256)]; be_seen()", 96),
    "an array that nobody touches": ("a = np.empty(96 * MIB, np.uint8); be_seen()", 0),
    "a file that is read in blocks": (
        "(folder / 'file').write_bytes(b'x' * MIB)\nwith (folder / 'file').open('rb') as f:\n    while f.read(4096): pass",
        0,
    ),
    "a child program": (
        "import subprocess\nsubprocess.run([sys.executable, '-c', 'import time; a = bytearray(96 * 2**20); time.sleep(1)'])",
        96,
    ),
}


@linux
@pytest.mark.parametrize(("work", "size_mib"), CLAIMED.values(), ids=CLAIMED)
def test_unique_set_sizes_see_what_they_claim_to_see(tmp_path, work, size_mib):
    """The advisory meter of macOS and Windows, tried where we can; its error may be larger."""
    seen = measured(tmp_path, work, before=textwrap.dedent(WITH_PSUTIL))
    assert seen.meter == "psutil (advisory)"
    assert seen.peak_bytes == pytest.approx(size_mib * MIB, abs=16 * MIB)


# --- the poll ---------------------------------------------------------------------------------------------------------


class Scripted:
    """A meter that tells given readings in turn, then the last one for ever."""

    name = "scripted"
    may_rest = True

    def __init__(self, *readings: Reading | None, high_water: int | None = None) -> None:
        self._readings = list(readings)
        self._high_water = high_water
        self.told = threading.Event()

    def read(self) -> Reading:
        reading = self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]
        if len(self._readings) == 1:
            self.told.set()
        if reading is None:
            raise MeterError("nothing there")
        return reading

    def reset_high_water(self) -> None:
        pass

    def high_water_bytes(self) -> int | None:
        return self._high_water


def held(size_mib, *, child=0, file=None):
    own = (size_mib - child) * MIB
    return Reading(size_mib * MIB, 0, child * MIB, own, None if file is None else file * MIB)


def polled(meter, **options):
    poller = Poller(meter, seconds=0.0001, **options)
    poller.start()
    assert meter.told.wait(30)
    return poller.stop()


def test_the_peak_is_the_highest_reading():
    peak = polled(Scripted(held(2), held(13), held(5), held(3)))
    assert peak.reading == held(13)
    assert not peak.stopped


def test_the_limit_is_told_once_at_the_first_reading_above_it():
    calls = []
    peak = polled(
        Scripted(held(2), held(7), held(8), held(9), held(3)), limit_bytes=7 * MIB, on_limit=lambda: calls.append(1)
    )
    assert peak.stopped
    assert calls == [1]
    assert peak.reading == held(9)


def test_a_reading_at_the_limit_is_not_above_it():
    assert not polled(Scripted(held(2), held(7), held(3)), limit_bytes=7 * MIB).stopped


def test_a_new_peak_is_told_from_1_mib_above_the_last():
    calls = []
    polled(
        Scripted(held(2), Reading(2 * MIB + 5, 0, 0), held(3), held(1), held(3), held(11)),
        on_peak=calls.append,
    )
    assert len(calls) == 3  # at 2, 3 and 11


def test_where_nothing_could_be_read_the_peak_is_none():
    peak = polled(Scripted(None))
    assert peak.reading is None
    assert peak.samples == ()


def test_a_reading_that_fails_does_not_end_the_poll():
    """A program that has all the files open that it may leaves none for the meter, for a while."""
    assert polled(Scripted(held(2), None, None, held(13), held(3))).reading == held(13)


@pytest.mark.parametrize(
    ("readings", "may_rest", "slower"),
    [
        ([held(2)], True, True),
        ([held(2), held(13)], True, True),
        ([held(2, child=1)], True, False),
        ([held(2)], False, False),
        ([None], True, False),
    ],
    ids=["a plateau", "a step", "a child", "may not rest", "nothing read"],
)
def test_a_poll_is_slower_on_a_plateau_where_it_may_rest(readings, may_rest, slower, monkeypatch):
    """Right after a new peak it is as fast as ever, and it is never slower than eight times that."""
    now = [100.0]
    monkeypatch.setattr(meters.time, "perf_counter", lambda: now[-1])
    meter = Scripted(*readings)
    meter.may_rest = may_rest
    poller = Poller(meter, seconds=0.002, on_peak=lambda size: pauses.append(poller._pause_seconds()))
    poller._began = now[-1]
    pauses: list[float] = []
    for _ in readings:
        now.append(now[-1] + 0.3)
        poller._take()
    assert all(pause == 0.002 for pause in pauses)
    pauses.clear()
    peak = now[-1]
    for later in (0.01, 0.1, 60):
        now.append(peak + later)
        poller._take()
        pauses.append(poller._pause_seconds())
    assert pauses == pytest.approx([0.002, 0.01, 0.016] if slower else [0.002] * 3)


def test_only_who_measures_the_own_process_outside_of_a_sandbox_may_rest(tmp_path):
    """Elsewhere the poll costs the measured process nothing, or is the only one that looks."""
    assert default_meter().may_rest == (sys.platform == "linux")
    if sys.platform == "linux":
        assert not TreeMeter(os.getppid()).may_rest
        assert not TreeMeter(os.getpid(), tmpfs=(0,)).may_rest
    assert not PsutilMeter(os.getpid()).may_rest


def test_what_was_seen_before_the_process_ended_stands():
    assert polled(Scripted(held(2), held(13), None)).reading == held(13)


def test_the_kernels_mark_raises_the_peak_when_file_pages_stood_still():
    peak = polled(Scripted(held(2, file=10), held(13, file=11), held(5, file=10), high_water=30 * MIB))
    assert peak.reading.total_bytes == 19 * MIB  # 30 less the 11 of files
    assert max(size for _, size in peak.samples) == 19 * MIB


def test_the_kernels_mark_raises_the_peak_beside_idle_children():
    readings = held(9, child=7, file=10), held(20, child=7, file=11), held(12, child=8, file=10)
    peak = polled(Scripted(*readings, high_water=30 * MIB))
    assert peak.reading.total_bytes == 26 * MIB  # 19 of its own, and 7 of the child


@linux
def test_page_faults_of_this_process_are_told_as_proc_tells_them():
    fields = stat_fields(os.getpid())
    assert meters._faults(os.getpid()) == pytest.approx(int(fields[7]) + int(fields[9]), abs=500)
    with measure() as seen:  # which has no huge pages
        before = meters._faults(os.getpid())
        kept = b"x" * (64 * MIB)
        grown = meters._faults(os.getpid()) - before
    assert grown >= seen.peak_bytes / PAGE * 0.9
    assert grown == pytest.approx(len(kept) / PAGE, rel=0.2)


def test_the_kernels_mark_is_believed_as_far_as_page_faults_allow():
    def after(size_mib, faults):
        return Reading(size_mib * MIB, 0, 0, size_mib * MIB, 10 * MIB, (faults, faults))

    few = Scripted(after(2, 100), after(13, 3000), after(5, 3010), high_water=200 * MIB)
    assert polled(few).reading.total_bytes == 2 * MIB + 2900 * PAGE
    many = Scripted(after(2, 100), after(13, 90_000), after(5, 90_000), high_water=200 * MIB)
    assert polled(many).reading.total_bytes == 190 * MIB


@pytest.mark.parametrize(
    "readings",
    [
        (held(2, file=10), held(13, file=100), held(5, file=10)),  # a file was mapped: the mark means nothing
        (held(2, file=10), held(13, child=5, file=10), held(5, file=10)),  # the mark is of one process only
        (held(2), held(13), held(5)),  # file pages are not known
        (held(2, file=40), held(13, file=40), held(5, file=40)),  # the mark is below what was seen
    ],
    ids=["mapped file", "children", "unknown", "lower"],
)
def test_the_kernels_mark_is_not_believed_otherwise(readings):
    assert polled(Scripted(*readings, high_water=45 * MIB)).reading.total_bytes == 13 * MIB


def test_a_long_poll_keeps_few_samples_and_the_peak_among_them():
    readings = [held(1 + n % 7) for n in range(3000)]
    readings[1501] = held(50)
    peak = polled(Scripted(*readings))
    assert len(peak.samples) < 240
    assert max(size for _, size in peak.samples) == 50 * MIB


# --- where there is no /proc --------------------------------------------------------------------------------------------


class SubstituteProcess:
    """Stands in for psutil.Process, with given unique set sizes."""

    def __init__(self, own, children=(), gone=False):
        self.pid = 17
        self._own, self._children, self._gone = own, children, gone

    def memory_full_info(self):
        if self._gone:
            raise psutil.NoSuchProcess(17)
        return type("Info", (), {"uss": self._own})()

    def children(self, recursive):
        assert recursive
        return self._children


def substituted(monkeypatch, process):
    monkeypatch.setattr(psutil, "Process", lambda pid: process)
    return PsutilMeter(17)


def test_without_proc_the_unique_set_sizes_of_all_are_added(monkeypatch):
    meter = substituted(monkeypatch, SubstituteProcess(13, [SubstituteProcess(5), SubstituteProcess(7)]))
    assert meter.read() == Reading(total_bytes=25, shared_bytes=0, child_bytes=12)
    assert meter.name == "psutil (advisory)"
    assert meter.high_water_bytes() is None
    meter.reset_high_water()


def test_without_proc_a_child_that_ends_meanwhile_is_left_out(monkeypatch):
    meter = substituted(monkeypatch, SubstituteProcess(13, [SubstituteProcess(5, gone=True), SubstituteProcess(7)]))
    assert meter.read().total_bytes == 20


def test_without_proc_a_process_that_has_ended_cannot_be_measured(monkeypatch):
    with pytest.raises(MeterError, match="memory of process 17 cannot be read"):
        substituted(monkeypatch, SubstituteProcess(13, gone=True)).read()


def test_the_default_meter_fits_the_system(monkeypatch):
    if sys.platform == "linux":
        assert default_meter().name == "tree"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_meter().name == "psutil (advisory)"


def test_psutils_own_figure_for_this_process_is_positive():
    assert PsutilMeter(psutil.Process().pid).read().total_bytes > MIB
