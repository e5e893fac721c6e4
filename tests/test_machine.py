"""What a container allows is found as its kernel tells it, by both versions of cgroups; machines are laid out in folders."""

from __future__ import annotations

import os
from types import SimpleNamespace

import psutil
import pytest

from autograde import cohort, guard, judge, machine
from autograde.limits import Limits
from autograde.types import GIB, MIB

#: How version 1 says that there is no limit.
UNLIMITED = 2**63 - 4096


@pytest.fixture(autouse=True)
def host(monkeypatch):
    """A host with 24 GiB, 20 of them free, and eight cores."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=24 * GIB, available=20 * GIB))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


@pytest.fixture
def lay(tmp_path):
    """Lays out a machine: `cgroup` is what /proc/self/cgroup says, the rest are files below /sys/fs/cgroup."""

    def lay(cgroup, files):
        for path, text in {
            "proc/self/cgroup": cgroup,
            **{f"sys/fs/cgroup/{name}": files[name] for name in files},
        }.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(f"{text}\n", encoding="utf-8")
        return tmp_path

    return lay


def group(folder, limit, held=0, inactive=0, active=0):
    """The files of memory of a cgroup of version 2."""
    stat = f"anon 5\nfile 7\ninactive_file {inactive}\nactive_file {active}\nslab 3"
    return {f"{folder}memory.max": limit, f"{folder}memory.current": held, f"{folder}memory.stat": stat}


def test_a_machine_without_cgroups_is_taken_as_psutil_tells_it(tmp_path):
    assert machine.total_bytes(tmp_path) == 24 * GIB
    assert machine.available_bytes(tmp_path) == 20 * GIB
    assert machine.cores(tmp_path) == 8


def test_a_container_sees_its_own_cgroup_as_the_root(lay):
    root = lay("0::/", {**group("", 2 * GIB, 700 * MIB), "cpu.max": "300000 100000"})
    assert machine.total_bytes(root) == 2 * GIB
    assert machine.available_bytes(root) == 2 * GIB - 700 * MIB
    assert machine.cores(root) == 3


def test_pages_of_files_count_as_free_since_the_kernel_drops_them(lay):
    root = lay("0::/", group("", 1024 * MIB, 900 * MIB, inactive=300 * MIB, active=50 * MIB))
    assert machine.available_bytes(root) == (1024 - 900 + 350) * MIB


def test_what_is_full_has_nothing_left_and_not_less(lay):
    assert machine.available_bytes(lay("0::/", group("", 2 * GIB, 2 * GIB + MIB))) == 0


def test_limits_of_parents_hold_too(lay):
    """A user of JupyterHub: 16 GiB for all who sit in the slice, of which 13 are taken, 4 GiB for this one."""
    root = lay(
        "0::/hub.slice/ada.scope",
        {
            **group("hub.slice/ada.scope/", 4 * GIB, 500 * MIB),
            **group("hub.slice/", 16 * GIB, 13 * GIB),
            "hub.slice/ada.scope/cpu.max": "max 100000",
            "hub.slice/cpu.max": "250000 100000",
        },
    )
    assert machine.total_bytes(root) == 4 * GIB
    assert machine.available_bytes(root) == 3 * GIB
    assert machine.cores(root) == 3, "two and a half, rounded up"


def test_a_neighbour_is_not_a_parent(lay):
    root = lay("0::/ada", {**group("ada/", "max"), **group("ben/", GIB), "ben/cpu.max": "100000 100000"})
    assert machine.total_bytes(root) == 24 * GIB
    assert machine.cores(root) == 8


def test_no_limit_and_a_limit_above_the_host_leave_the_host(lay):
    root = lay("0::/", {**group("", 64 * GIB, 30 * GIB), "cpu.max": "max 100000"})
    assert machine.total_bytes(root) == 24 * GIB
    assert machine.available_bytes(root) == 20 * GIB
    assert machine.cores(root) == 8


@pytest.mark.parametrize("folder", ["memory", "memory/docker/4f"])
def test_version_1_is_read_below_the_path_that_the_host_knows_or_at_the_root_that_the_container_sees(lay, folder):
    stat = f"inactive_file 1\ntotal_inactive_file {200 * MIB}\ntotal_active_file {100 * MIB}"
    root = lay(
        "9:memory:/docker/4f\n4:cpu,cpuacct:/docker/4f\n1:name=systemd:/docker/4f\n0::/",
        {
            f"{folder}/memory.limit_in_bytes": 3 * GIB,
            f"{folder}/memory.usage_in_bytes": 1 * GIB,
            f"{folder}/memory.stat": stat,
            "cpu,cpuacct/cpu.cfs_quota_us": "150000",
            "cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
    )
    assert machine.total_bytes(root) == 3 * GIB
    assert machine.available_bytes(root) == 2 * GIB + 300 * MIB
    assert machine.cores(root) == 2


def test_version_1_says_by_huge_and_negative_numbers_that_there_is_no_limit(lay):
    root = lay(
        "4:memory:/\n1:cpu:/",
        {
            "memory/memory.limit_in_bytes": UNLIMITED,
            "memory/memory.usage_in_bytes": 5 * GIB,
            "memory/memory.stat": "total_inactive_file 0",
            "cpu/cpu.cfs_quota_us": "-1",
            "cpu/cpu.cfs_period_us": "100000",
        },
    )
    assert machine.total_bytes(root) == 24 * GIB
    assert machine.available_bytes(root) == 20 * GIB
    assert machine.cores(root) == 8


def test_a_path_that_leads_out_of_what_the_container_sees_is_not_followed(lay):
    root = lay("0::/../outside", {**group("../outside/", MIB), **group("", 2 * GIB)})
    assert machine.total_bytes(root) == 2 * GIB


def test_cores_are_those_that_this_process_may_run_on(tmp_path, lay, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5}, raising=False)
    assert machine.cores(tmp_path) == 2
    assert machine.cores(lay("0::/", {"cpu.max": "10000 100000"})) == 1, "a tenth of a core is one core to count with"


def test_where_cores_cannot_be_counted_there_is_one(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert machine.cores(tmp_path) == 1


def test_this_machine_answers_within_what_psutil_tells(monkeypatch):
    monkeypatch.undo()
    assert 0 < machine.available_bytes() <= machine.total_bytes() <= psutil.virtual_memory().total
    assert 1 <= machine.cores() <= os.cpu_count()


@pytest.fixture
def container(lay, monkeypatch):
    """This process in a container of 4 GiB and two cores; a job may take 1 GiB."""
    root = lay("0::/", {**group("", 4 * GIB), "cpu.max": "200000 100000"})
    for function in (machine.total_bytes, machine.available_bytes, machine.cores):
        monkeypatch.setattr(function, "__defaults__", (root,))


def test_a_container_has_no_more_jobs_than_cores_and_memory(container):
    assert cohort.jobs_at_once(Limits(memory_bytes=GIB)) == 2
    assert cohort.jobs_at_once(Limits(memory_bytes=2 * GIB)) == 1, "one GiB is left to the rest"


def test_a_student_process_is_ended_below_what_its_container_has(container, tmp_path):
    student = SimpleNamespace(meter=lambda: None)
    assert guard.Guard(student, Limits(memory_bytes=10 * GIB), [tmp_path])._memory_bytes == int(0.7 * 4 * GIB)


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="limits of processes are of POSIX")
def test_the_judge_limits_itself_to_what_its_container_has(container, monkeypatch):
    import resource

    asked = []
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: asked.append(limits[0]))
    monkeypatch.setattr(resource, "getrlimit", lambda what: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    judge._limit_memory()
    assert asked == [int(0.7 * 4 * GIB)]
