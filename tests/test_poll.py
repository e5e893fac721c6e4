"""The poll of a meter, with meters that tell given readings."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from autograde import measure, meters, poll
from autograde.errors import MeterError
from autograde.footprint import PsutilMeter
from autograde.meters import TreeMeter, default_meter
from autograde.poll import Poller, Reading
from autograde.procfs import stat_fields

MIB = 2**20
PAGE = os.sysconf("SC_PAGE_SIZE")
linux = pytest.mark.skipif(sys.platform != "linux", reason="the tree meter reads /proc")


class Scripted:
    """A meter that tells given readings in turn, then the last one for ever."""

    name = "scripted"
    may_rest = True
    work_part = 1.0

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


def test_the_limit_is_told_again_when_more_has_come_and_at_once_where_it_was_not_the_moment():
    calls = []
    answers = [False, True, True]

    def stop():
        calls.append(1)
        return answers.pop(0)

    polled(Scripted(held(7), held(8), held(9), held(72), held(73), held(3)), limit_bytes=7 * MIB, on_limit=stop)
    assert len(calls) == 3  # at 8, 9 and 73


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
    monkeypatch.setattr(poll.time, "perf_counter", lambda: now[-1])
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


def test_where_reading_takes_long_the_poll_rests_in_proportion(monkeypatch):
    """9 ms for each of 4 readings, a tenth of the time for reading; whatever they take, not longer than 0.1 s."""
    meter = Scripted(held(2))
    meter.may_rest, meter.work_part = False, 0.1
    poller = Poller(meter, seconds=0.002)
    assert poller._pause_seconds() == 0.002
    poller._turns = 4
    monkeypatch.setattr(poll.time, "thread_time", lambda: 0.036)
    assert poller._pause_seconds() == pytest.approx(0.081)
    monkeypatch.setattr(poll.time, "thread_time", lambda: 0.36)
    assert poller._pause_seconds() == 0.1
    meter.work_part = 1.0
    assert poller._pause_seconds() == 0.002


def test_only_who_measures_the_own_process_outside_of_a_sandbox_may_rest(tmp_path):
    """Elsewhere the poll costs the measured process nothing, or is the only one that looks."""
    assert default_meter().may_rest == (sys.platform == "linux")
    if sys.platform == "linux":
        assert not TreeMeter(os.getppid()).may_rest
        assert not TreeMeter(os.getpid(), tmpfs=(0,)).may_rest
    assert not PsutilMeter(os.getpid()).may_rest


def test_a_poll_that_starts_lets_those_that_run_look_at_the_mark_first():
    first = Scripted(held(2, file=10), held(5, file=10), high_water=40 * MIB)
    second = Scripted(held(3, file=10), held(4, file=10), high_water=14 * MIB)
    outer, inner = Poller(first, seconds=0.0001), Poller(second, seconds=0.0001)
    outer.start()
    assert first.told.wait(30)
    inner.start()
    first._high_water = 0  # that is what a reset does
    assert second.told.wait(30)
    assert inner.stop().reading == held(4, file=10)
    assert outer.stop().reading.total_bytes == 30 * MIB
    assert not poll._RUNNING


def test_who_cannot_tell_a_line_goes_on_measuring_and_stopping(capsys):
    def broken(size):
        raise RuntimeError("no line today")

    stopped = []
    peak = polled(
        Scripted(held(2), held(7), held(20), held(3)),
        on_peak=broken,
        limit_bytes=15 * MIB,
        on_limit=lambda: stopped.append(1),
    )
    assert peak.reading == held(20)
    assert stopped == [1]
    assert capsys.readouterr().err.count("RuntimeError: no line today") == 1


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
