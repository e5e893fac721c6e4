"""The meters of macOS and Windows, tried here as far as they claim to see: substitutes stand for those systems."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from contract import COUNTED, MIB, NOT_COUNTED, SMALL, about, measured

from autograde.errors import MeterError
from autograde.footprint import FootprintMeter, PsutilMeter
from autograde.meters import default_meter
from autograde.poll import Reading

linux = pytest.mark.skipif(sys.platform != "linux", reason="the substitute of libproc reads /proc")

CHILD = """
    import subprocess
    code = "import sys; a = bytearray(96 * 2**20); print(1, flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1)
    child.stdout.readline()
    be_seen()
    child.communicate()
"""
#: Puts a meter in the place of the default one; `be_seen` waits until it has read twice: the first may have begun before.
INSTEAD = """
    import ctypes
    from autograde import block, footprint
    readings = []

    class Counted(footprint.{meter}):
        def read(self):
            readings.append(super().read())
            return readings[-1]

    def be_seen():
        count = len(readings)
        while len(readings) < count + 2:
            time.sleep(0.001)

    block.default_meter = lambda pid=None: Counted(pid or os.getpid(){options})
"""


# --- macOS ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def libproc(tmp_path_factory):
    """Our substitute, compiled."""
    path = tmp_path_factory.mktemp("libproc") / "libproc.so"
    compiler = shutil.which("cc") or "gcc"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", path, Path(__file__).parent / "libproc.c"], check=True
    )
    return path


@pytest.fixture
def with_footprint(libproc):
    return INSTEAD.format(meter="FootprintMeter", options=f", library=ctypes.PyDLL({str(libproc)!r}, use_errno=True)")


@linux
@pytest.mark.parametrize("work", COUNTED.values(), ids=COUNTED)
def test_a_footprint_has_256_mib_that_are_held(tmp_path, with_footprint, work):
    seen = measured(tmp_path, work, before=with_footprint)
    assert seen.meter == "footprint (advisory)"
    assert seen.peak_bytes == about(256)


@linux
@pytest.mark.parametrize("work", NOT_COUNTED.values(), ids=NOT_COUNTED)
def test_a_footprint_has_less_than_8_mib_of_what_is_not(tmp_path, with_footprint, work):
    seen = measured(tmp_path, work, before=with_footprint)
    assert seen.meter == "footprint (advisory)"
    assert 0 <= seen.peak_bytes < SMALL


@linux
def test_a_footprint_has_a_spike_between_two_polls(tmp_path, with_footprint):
    assert measured(tmp_path, "np.ones(128 * MIB, np.uint8)", before=with_footprint).peak_bytes == about(128)


@linux
def test_the_footprints_of_children_count(tmp_path, with_footprint):
    seen = measured(tmp_path, CHILD, before=with_footprint)
    assert seen.peak_bytes == pytest.approx(96 * MIB, abs=16 * MIB)
    assert seen.child_bytes > 90 * MIB


@linux
def test_the_footprints_of_grandchildren_count_and_the_family_is_listed(libproc):
    inner = "import sys; a = b'x' * (48 * 2**20); print(1, flush=True); sys.stdin.read()"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        child.stdout.readline()
        meter = FootprintMeter(os.getpid(), library=ctypes.PyDLL(libproc, use_errno=True))
        assert meter.family() == (os.getpid(),)
        assert meter.read().child_bytes > 48 * MIB
        grandchild = psutil.Process(child.pid).children()[0].pid
        assert set(meter.family()) >= {os.getpid(), child.pid, grandchild}
    finally:
        child.communicate()


@linux
def test_a_process_that_does_not_exist_has_no_footprint(libproc):
    meter = FootprintMeter(2**22 + 1, library=ctypes.PyDLL(libproc, use_errno=True))
    with pytest.raises(MeterError, match=f"the footprint of process {2**22 + 1} cannot be read"):
        meter.read()
    assert meter.high_water_bytes() is None


@linux
@pytest.mark.parametrize("own", [True, False])
def test_a_poll_of_footprints_rests_where_the_kernel_keeps_the_maximum_of_this_process(libproc, own):
    meter = FootprintMeter(os.getpid() if own else os.getppid(), library=ctypes.PyDLL(libproc, use_errno=True))
    assert not meter.may_rest
    assert meter.high_water_bytes() is None  # what was before is not asked for
    if own:
        meter.reset_high_water()
        assert meter.may_rest
        assert meter.high_water_bytes() >= meter.read().total_bytes - SMALL


class WithoutReset:
    """A libproc of another version."""

    def proc_pid_rusage(self, pid, version, figures):
        return 0

    def proc_listchildpids(self, pid, found, size):
        return -1


def test_where_the_maximum_cannot_be_reset_it_is_not_believed():
    meter = FootprintMeter(os.getpid(), library=WithoutReset())
    meter.reset_high_water()
    assert not meter.may_rest
    assert meter.high_water_bytes() is None
    assert meter.read() == Reading(0, 0, 0, own_bytes=0, file_bytes=0)


# --- Windows ----------------------------------------------------------------------------------------------------------

CLAIMED = {
    "an array of ones": ("a = np.ones(96 * MIB, np.uint8); be_seen()", 96),
    "zeros that are touched": ("a = np.zeros(96 * MIB, np.uint8); a[::4096] = 1; be_seen()", 96),
    "many small objects": ("a = [bytes(4063) for _ in range(96 * 256)]; be_seen()", 96),
    "an array that nobody touches": ("a = np.empty(96 * MIB, np.uint8); be_seen()", 0),
    "a file that is read in blocks": (NOT_COUNTED["a file that is read in blocks"], 0),
    "a child program": (
        CHILD.replace("be_seen()", "for _ in range(6): be_seen()"),
        96,
    ),  # children are listed now and then
}


@linux
@pytest.mark.parametrize(("work", "size_mib"), CLAIMED.values(), ids=CLAIMED)
def test_unique_set_sizes_see_what_they_claim_to_see(tmp_path, work, size_mib):
    """Its error may be larger."""
    seen = measured(tmp_path, work, before=INSTEAD.format(meter="PsutilMeter", options=""))
    assert seen.meter == "psutil (advisory)"
    assert seen.peak_bytes == pytest.approx(size_mib * MIB, abs=16 * MIB)


class SubstituteProcess:
    """Stands in for psutil.Process, with given unique set sizes."""

    def __init__(self, own, children=(), *, refuses=None, resident=0):
        self.pid = 17
        self._own, self._children, self._refuses, self._resident = own, children, refuses, resident
        self.listed = 0

    def memory_full_info(self):
        if self._refuses:
            raise self._refuses
        return type("Info", (), {"uss": self._own})()

    def memory_info(self):
        return type("Info", (), {"rss": self._resident})()

    def children(self, recursive):
        assert recursive
        self.listed += 1
        return list(self._children)


GONE, DENIED = psutil.NoSuchProcess(17), psutil.AccessDenied(17)


def substituted(monkeypatch, process):
    monkeypatch.setattr(psutil, "Process", lambda pid: process)
    return PsutilMeter(17)


def test_the_unique_set_sizes_of_all_are_added(monkeypatch):
    meter = substituted(monkeypatch, SubstituteProcess(13, [SubstituteProcess(5), SubstituteProcess(7)]))
    assert meter.read() == Reading(total_bytes=25, shared_bytes=0, child_bytes=12)
    assert meter.name == "psutil (advisory)"
    assert meter.high_water_bytes() is None
    meter.reset_high_water()


@pytest.mark.parametrize(
    ("other", "total"),
    [(SubstituteProcess(5, refuses=GONE), 20), (SubstituteProcess(5, refuses=DENIED, resident=11), 31)],
    ids=["it has ended", "it may not be read"],
)
def test_a_child_that_tells_less_does_not_end_the_measuring(monkeypatch, other, total):
    meter = substituted(monkeypatch, SubstituteProcess(13, [other, SubstituteProcess(7)]))
    assert meter.read().total_bytes == total


def test_children_are_listed_in_one_of_ten_readings(monkeypatch):
    process = SubstituteProcess(13)
    meter = substituted(monkeypatch, process)
    for _ in range(10):
        meter.read()
    assert process.listed == 1
    process._children = [SubstituteProcess(5)]
    assert meter.read().total_bytes == 18


def test_a_process_that_has_ended_cannot_be_measured_without_proc(monkeypatch):
    with pytest.raises(MeterError, match="memory of process 17 cannot be read"):
        substituted(monkeypatch, SubstituteProcess(13, refuses=GONE)).read()


@pytest.mark.parametrize(("system", "name"), [("darwin", "footprint (advisory)"), ("win32", "psutil (advisory)")])
def test_the_default_meter_fits_the_system(monkeypatch, system, name):
    if sys.platform == "linux":
        assert default_meter().name == "tree"
    monkeypatch.setattr(sys, "platform", system)
    assert default_meter().name == name


def test_psutils_own_figure_for_this_process_is_positive():
    assert PsutilMeter(psutil.Process().pid).read().total_bytes > MIB
