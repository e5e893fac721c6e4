"""The doctor tells what the meter sees, and names what is in the way; faults are planted, not waited for."""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

import psutil
import pytest
import toys
from click.testing import CliRunner

from autograde import doctor
from autograde.cli import main
from autograde.doctor import Diagnosis, Finding, Seen, diagnose
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
    assert f"{os.cpu_count()} cores" in found.one_line()


def test_a_route_that_fails_is_not_observed_and_not_good():
    seen = doctor._try(doctor.Route("broken", "raise OSError('no such thing here')", True))
    assert seen.seen_bytes is None
    assert not seen.good
    assert seen.problem == "OSError: no such thing here"
    assert Diagnosis("tree", (seen,), ()).worst_error_bytes is None


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


def levels(findings):
    return {one.name: one.level for one in findings}


def test_a_small_machine_is_warned_of(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=4 * GIB, available=1 * GIB))
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(used=2 * GIB))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1 * GIB))
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: 1)
    found = doctor._machine(tmp_path)
    assert set(levels(found).values()) == {"warning"}
    assert "set AUTOGRADE_DATA" in next(one.text for one in found if one.name == "disk")


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


@pytest.mark.parametrize("name", ["OneDrive - University", "Dropbox", "Google Drive", "Mobile Documents"])
def test_a_folder_that_syncs_to_a_cloud_is_an_error(tmp_path, name):
    folder = tmp_path / name / "course"
    folder.mkdir(parents=True)
    assert levels(doctor._place(folder)) == {"cloud": "error"}
    assert levels(doctor._place(tmp_path)) == {"cloud": "ok"}


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
