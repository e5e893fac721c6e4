"""Files of /proc as meters read them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
import toys

from autograde.errors import MeterError
from autograde.procfs import kib_fields, proc_text, stat_fields

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


def test_rows_are_told_in_bytes_and_those_that_are_not_there_are_left_out(tmp_path):
    path = tmp_path / "status"
    path.write_bytes(b"Name:\tpython\nVmHWM:\t   12 kB\nRssAnon:\t       3 kB\nThreads:\t2\n")
    assert kib_fields(str(path), (b"VmHWM", b"RssAnon", b"VmSwap")) == {b"VmHWM": 12288, b"RssAnon": 3072}


def test_a_process_cannot_choose_a_name_that_reads_like_a_row():
    code = "import ctypes\nctypes.CDLL(None).prctl(15, b'x\\nVmHWM: 1 kB', 0, 0, 0)\nprint(1, flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert kib_fields(f"/proc/{child.pid}/status", (b"VmHWM",))[b"VmHWM"] > 2**20
        assert int(stat_fields(child.pid)[1]) == os.getpid()  # its parent
        child.communicate(b"\n")


def test_what_has_ended_or_is_forbidden_is_an_error_that_says_so():
    with pytest.raises(FileNotFoundError, match="No such file"):
        proc_text("/proc/0/stat")
    with pytest.raises(MeterError, match="/proc/0/status cannot be read: No such file"):
        kib_fields("/proc/0/status", (b"VmHWM",))
    with pytest.raises(MeterError, match="process 0 has ended"):
        stat_fields(0)
    with pytest.raises(IsADirectoryError):
        proc_text("/proc")


def test_no_descriptor_is_left_open():
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(100):
        proc_text("/proc/self/stat")
    with pytest.raises(OSError):  # noqa: PT011 - reading fails after opening
        proc_text("/proc/self/fd")
    assert set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("slow", [False, True])
def test_other_threads_get_the_interpreter_while_a_slow_file_is_read_and_not_for_a_quick_one(slow):
    turns = 0
    ended = threading.Event()

    def run() -> None:
        nonlocal turns
        while not ended.is_set():
            turns += 1
            time.sleep(0)  # lets go of the interpreter

    other = threading.Thread(target=run)
    waits = sys.getswitchinterval()
    try:
        other.start()
        toys.wait_until(lambda: turns)
        sys.setswitchinterval(100)  # nobody takes it away
        before = turns
        toys.wait_until(lambda: turns > before)  # what began to wait before that has had its turn
        before = turns
        for _ in range(2000):
            proc_text("/proc/self/stat", slow=slow)
        assert (turns > before) is slow
    finally:
        sys.setswitchinterval(waits)
        ended.set()
        other.join()
