"""The doctor tells what the meter sees, and names what is in the way; faults are planted, not waited for."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import psutil
import pytest
import toys
from click.testing import CliRunner

from autograde import doctor, machine
from autograde.cli import main
from autograde.doctor import Diagnosis, Finding, Seen, diagnose
from autograde.release import release
from autograde.types import GIB, MIB

linux = pytest.mark.skipif(sys.platform != "linux", reason="exact figures need the tree meter")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A real examination of this machine, for a course with a ceiling of 16 MiB."""
    course = toys.write_course(tmp_path_factory.mktemp("doctor") / "course")
    return diagnose(course.root)


@linux
@pytest.mark.parametrize("route", [route.name for route in doctor.ROUTES])
def test_every_route_is_seen_within_an_eighth(found, route):
    (seen,) = [one for one in found.seen if one.route == route]
    assert seen.good, seen


@linux
def test_the_error_of_the_meter_is_small_and_fits_the_ceilings(found):
    assert found.worst_error_bytes < 8 * MIB
    (ceilings,) = [one for one in found.findings if one.name == "ceilings"]
    assert ceilings.level == "ok"
    assert "the smallest ceiling here is 16 MiB" in ceilings.text


def test_the_line_names_meter_and_machine(found):
    assert f"meter {found.meter}" in found.one_line()
    assert f"{machine.cores()} cores, " in found.one_line()


def test_a_route_that_fails_is_not_observed_and_not_good():
    seen = doctor._try(doctor.Route("broken", "raise OSError('no such thing here')", True))
    assert seen.seen_bytes is None
    assert not seen.good
    assert seen.problem == "OSError: no such thing here"
    assert Diagnosis("tree", (seen,), ()).worst_error_bytes is None


def test_a_route_that_takes_too_long_is_not_observed_and_no_traceback(monkeypatch):
    monkeypatch.setattr(doctor, "_ROUTE_SECONDS", 0.01)
    seen = doctor._try(doctor.Route("endless", "while True: pass", True))
    assert seen == Seen("endless", 64 * MIB, None, "not done after 0.01 s: close other programs, try again")
    assert not seen.good


@pytest.mark.parametrize(
    ("seen_bytes", "good"), [(64 * MIB, True), (75 * MIB, True), (77 * MIB, False), (51 * MIB, False), (None, False)]
)
def test_what_counts_as_seen(seen_bytes, good):
    assert Seen("a", 64 * MIB, seen_bytes).good is good


def test_a_ceiling_finer_than_the_error_is_refused(tmp_path):
    course = toys.write_course(tmp_path / "course")
    (finding,) = doctor._ceilings(course.root, [Seen("a", 64 * MIB, 76 * MIB)])
    assert finding.level == "error"
    assert finding.text.startswith("the smallest ceiling here is 16 MiB, the meter's error 12 MiB: it cannot tell")


def test_ceilings_are_found_in_what_students_have(tmp_path):
    """A kit has no source folder, and its notebooks lie in release/<assignment>/."""
    course = toys.write_course(tmp_path / "course")
    kit = tmp_path / "kit"
    release(course, "toy", target=kit / "release" / "toy", full_tests=True)
    (finding,) = doctor._ceilings(kit, [Seen("a", 64 * MIB, 65 * MIB)])
    assert finding.text.startswith("the smallest ceiling here is 16 MiB")


def levels(findings):
    return {one.name: one.level for one in findings}


def text_of(findings, name):
    (found,) = [one for one in findings if one.name == name]
    return found.text


def test_a_small_machine_is_warned_of(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=4 * GIB, available=1 * GIB))
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(used=2 * GIB))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1 * GIB))
    monkeypatch.setattr(machine, "cores", lambda: 1)
    found = doctor._machine(tmp_path)
    assert set(levels(found).values()) == {"warning"}
    assert "set AUTOGRADE_DATA" in text_of(found, "disk")
    assert text_of(found, "swap") == (
        "2 GiB of swap are in use and 1 GiB of memory are free: the machine is short of memory, close programs"
    )


def test_swap_in_use_is_no_worry_while_enough_memory_is_free(monkeypatch):
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(used=2 * GIB))
    assert doctor._swap(8 * GIB) == Finding("swap", "ok", "2 GiB of swap are in use, and enough memory is free")
    assert doctor._swap(2 * GIB).level == "warning"


@pytest.mark.parametrize("error", [RuntimeError, OSError])
def test_a_windows_without_performance_counters_is_a_warning_and_no_traceback(tmp_path, monkeypatch, error):
    def fails():
        raise error("PdhAddEnglishCounterW failed")

    monkeypatch.setattr(psutil, "swap_memory", fails)
    found = doctor._machine(tmp_path)
    assert levels(found)["swap"] == "warning"
    assert text_of(found, "swap").startswith(
        "whether swap is in use cannot be told (PdhAddEnglishCounterW failed): when"
    )
    assert "`lodctr /R`" in text_of(found, "swap")


def test_a_container_is_told_as_what_limits(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=24 * GIB, available=20 * GIB))
    monkeypatch.setattr(machine, "total_bytes", lambda: 2 * GIB)
    monkeypatch.setattr(machine, "available_bytes", lambda: 1 * GIB)
    monkeypatch.setattr(machine, "cores", lambda: 1)
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: 8)
    found = doctor._machine(tmp_path)
    limits = "(limit of this container; the host has {})"
    assert text_of(found, "memory") == (
        f"2 GiB of memory {limits.format('24 GiB')}; 8 GB are assumed: ask for a larger container"
    )
    assert text_of(found, "free memory").startswith("1 GiB of memory are free in this container; notebooks want")
    assert text_of(found, "cores").startswith(f"1 cores {limits.format('8')}; everything")
    assert "1 cores, 2 GiB | meter tree" in Diagnosis("tree", (), tuple(found)).one_line()


def test_a_machine_without_such_limits_is_not_called_a_container(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=24 * GIB, available=20 * GIB))
    monkeypatch.setattr(machine, "total_bytes", lambda: 24 * GIB)
    monkeypatch.setattr(machine, "cores", lambda: 8)
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: 8)
    found = doctor._machine(tmp_path)
    assert (text_of(found, "memory"), text_of(found, "cores")) == ("24 GiB of memory", "8 cores")
    assert "container" not in text_of(found, "free memory")


@pytest.fixture
def disks(monkeypatch):
    """Folders and what is free there; any other folder does not exist."""
    free = {}

    def usage(folder):
        if folder not in free:
            raise FileNotFoundError(folder)
        return SimpleNamespace(free=free[folder])

    monkeypatch.setattr(doctor.shutil, "disk_usage", usage)
    return free


def test_the_disk_is_the_one_where_data_is_made(tmp_path, monkeypatch, disks):
    course = toys.write_course(tmp_path / "course").root
    disks.update({course: 1 * GIB, tmp_path / "large": 90 * GIB})
    monkeypatch.delenv("AUTOGRADE_DATA", raising=False)
    assert doctor._disk(course).level == "warning"
    assert doctor._disk(course).text.startswith(f"1 GiB of disk are free where data is made ({course / 'data'});")
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "large" / "new" / "data"))
    assert doctor._disk(course).level == "ok"
    assert doctor._disk(course).text.startswith("90 GiB of disk are free")


def test_a_disk_that_is_not_attached_is_an_error(tmp_path, monkeypatch, disks):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "usb"))
    assert doctor._disk(tmp_path).level == "error"
    assert "there is no such disk: attach it, or set AUTOGRADE_DATA" in doctor._disk(tmp_path).text


def test_missing_programs_are_told_with_what_to_install(monkeypatch):
    monkeypatch.setattr(
        doctor, "why_not", lambda: "bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap)"
    )
    monkeypatch.setitem(sys.modules, "memray", None)
    found = doctor._packages()
    assert levels(found) == {"memray": "warning", "bubblewrap": "warning"}
    assert "pip install memray" in found[0].text
    assert "plain processes: bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap)" in found[1].text


def test_a_kernel_of_another_python_is_an_error(tmp_path, monkeypatch):
    kernel = tmp_path / "kernels" / "python3"
    kernel.mkdir(parents=True)
    spec = {
        "argv": ["/opt/other/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "x",
    }
    (kernel / "kernel.json").write_text(json.dumps({**spec, "language": "python"}), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    finding = doctor._kernel()
    assert finding.level == "error"
    assert "is another Python (/opt/other/bin/python)" in finding.text


def test_this_kernel_is_this_environment():
    assert doctor._kernel().level == "ok"


@pytest.mark.parametrize(
    "name",
    [
        *("OneDrive", "OneDrive - University", "Dropbox", "Dropbox (Lab)", "Lab Dropbox", "Google Drive", "My Drive"),
        *("Mobile Documents", "iCloudDrive", "Nextcloud", "Nextcloud2", "ownCloud", "Box Sync", "pCloudDrive"),
        *("pCloud Drive", "Library/CloudStorage/Box-Box", "Library/CloudStorage/Whatever-ada@lab.org"),
    ],
)
def test_a_folder_that_syncs_to_a_cloud_is_an_error(tmp_path, name):
    folder = tmp_path / name / "course"
    folder.mkdir(parents=True)
    assert levels(doctor._place(folder)) == {"cloud": "error"}
    assert levels(doctor._place(tmp_path)) == {"cloud": "ok"}


@pytest.mark.parametrize(
    "name", ["nextcloud-lessons", "dropbox_notes", "icloudy", "Box", "toolbox", "my driveway", "CloudStorage/course"]
)
def test_a_folder_that_only_sounds_like_a_cloud_is_none(tmp_path, name):
    folder = tmp_path / name / "course"
    folder.mkdir(parents=True)
    assert levels(doctor._place(folder)) == {"cloud": "ok"}


@pytest.mark.parametrize("top", [("/", "home", "ada"), ("/", "Users", "ada"), ("C:\\", "Users", "ada")])
def test_the_folder_of_box_drive_is_the_one_in_a_home(top):
    assert doctor._cloud_of((*top, "Box", "course")) == "Box"
    assert doctor._cloud_of((*top, "moving", "Box", "course")) is None


def test_the_line_says_what_is_in_the_way():
    bad = Diagnosis(
        "tree",
        (Seen("threads", 64 * MIB, 3 * MIB),),
        (Finding("cloud", "error", "it syncs"), Finding("swap", "warning", "some swap")),
    )
    assert bad.one_line().endswith("| not ready: threads, cloud | warnings: swap")
    assert not bad.healthy


def test_the_command_prints_json_and_its_exit_code_tells(monkeypatch, tmp_path):
    sick = Diagnosis("tree", (Seen("threads", 64 * MIB, 3 * MIB),), ())
    monkeypatch.setattr(doctor, "diagnose", lambda folder, told: sick)
    runner = CliRunner()
    done = runner.invoke(main, ["--course", str(tmp_path), "doctor", "--format", "json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["healthy"] is False
    assert told["seen"][0]["error_bytes"] == -61 * MIB
    shown = runner.invoke(main, ["--course", str(tmp_path), "doctor"])
    assert "✗ threads" in shown.stdout
    assert runner.invoke(main, ["--course", str(tmp_path), "doctor", "--line"]).stdout.startswith("autograde 0.")
