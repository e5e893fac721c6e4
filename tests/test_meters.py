"""What counts as held memory: the contract of all meters, passed by the one that decides, and what only that one sees."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import textwrap

import psutil
import pytest
import toys
from contract import COUNTED, MIB, NOT_COUNTED, SMALL, about, measured

from autograde import meters
from autograde.errors import MeterError
from autograde.meters import TreeMeter, descendants
from autograde.poll import Reading

linux = pytest.mark.skipif(sys.platform != "linux", reason="the tree meter reads /proc")

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


# --- counts -----------------------------------------------------------------------------------------------------------


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
def test_the_memory_of_a_grandchild_is_counted(tmp_path):
    """Started by a thread of the child, as a pool in a child would."""
    work = """
        import subprocess
        middle = (
            "import subprocess, sys, threading\\n"
            "run = lambda: subprocess.run([sys.executable, '-c', sys.argv[1]])\\n"
            "one = threading.Thread(target=run); one.start(); one.join()"
        )
        child = subprocess.Popen([sys.executable, "-c", middle, WITH_CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        child.stdout.readline()
        assert reading_took_place.wait(60)
        child.communicate(b"\\n")
        assert child.returncode == 0
    """
    seen = measured(tmp_path, work, before=SEES_CHILD.format(size_mib=128))
    assert 128 * MIB < seen.child_bytes < 200 * MIB


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
@linux
@pytest.mark.parametrize("work", NOT_COUNTED.values(), ids=NOT_COUNTED)
def test_less_than_8_mib_are_counted_in(tmp_path, work):
    assert 0 <= measured(tmp_path, work).peak_bytes < SMALL


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
