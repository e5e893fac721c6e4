"""The sandbox around the student process: what it may see, what it may do, and what the meter sees of it."""

from __future__ import annotations

import json
import os
import platform
import struct
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import psutil
import pytest
import toys

from autograde import bubblewrap, sandbox
from autograde.cli import main
from autograde.errors import CourseError, JudgeError
from autograde.sandbox import choose_sandbox
from autograde.seccomp import student_filter
from autograde.types import Exit, Verdict
from autograde.verdict import result_of

MIB = 2**20
linux = pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
fenced = pytest.mark.skipif(bubblewrap.why_not() is not None, reason=str(bubblewrap.why_not()))


@pytest.fixture
def inside(tmp_path, judge, monkeypatch):
    """Run the body of a function in the sandbox, in a course with secrets around it; gives what it returns."""
    secrets = {
        "course/gradebook.db": "marks",
        "course/source/toy/other.ipynb": "hidden tests",
        "course/submitted/ada/toy/exercise.ipynb": "somebody's answer",
        "course/data/public/x": "data",
    }
    for name, text in secrets.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "course" / "data"))
    monkeypatch.setenv("A_SECRET", "of the environment")

    def run(body):
        answer = f"def look(course, home):\n{textwrap.indent(textwrap.dedent(body), '    ')}"
        source = toys.book(
            toys.setup("import json, os, subprocess, sys, tempfile\nfrom pathlib import Path"),
            toys.solution("look", "def look(course, home): return 1"),
            toys.test(
                "test_look",
                f"r = look({str(tmp_path / 'course')!r}, {str(Path.home())!r})\nassert False, json.dumps(r)",
            ),
        )
        done = judge(source, toys.answered(source, {"look": answer}), sandbox="bubblewrap")["test_look"]
        assert done.problem.type == "AssertionError", done.problem
        return json.loads(done.problem.message)

    return run


@fenced
def test_the_course_home_and_other_processes_are_not_there(inside):
    seen = inside("""
        def listed(path):
            try:
                return sorted(os.listdir(path))
            except OSError as error:
                return type(error).__name__
        found = {name: listed(Path(course) / name) for name in ("", "source", "submitted", "data", "data/public")}
        found["gradebook"] = (Path(course) / "gradebook.db").exists()
        at_home = listed(home)  # an error's name where it is not there at all
        python = (".pyenv", ".conda", ".local", "miniconda3")
        found["home"] = at_home if type(at_home) is str else [name for name in at_home if name not in python]
        found["processes"] = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
        found["etc"] = sorted(set(os.listdir("/etc")) & {"shadow", "ssh", "hostname", "machine-id"})
        found["environment"] = sorted(os.environ)
        found["user"] = [os.getuid(), os.getgid(), os.getgroups()]
        return found
    """)
    assert seen[""] == ["data"]
    assert (seen["source"], seen["submitted"], seen["gradebook"]) == ("FileNotFoundError", "FileNotFoundError", False)
    assert seen["data/public"] == ["x"]
    assert seen["home"] in ([], "FileNotFoundError") or os.geteuid() != 0
    assert len(seen["processes"]) == 2  # bubblewrap's own first one and the student's
    assert seen["etc"] == []
    assert not {"A_SECRET", "AUTOGRADE_SEED"} & set(seen["environment"])
    assert 0 not in (seen["user"][0], seen["user"][1], *seen["user"][2])


@fenced
def test_nothing_can_be_written_but_its_own_folders(inside):
    seen = inside("""
        def writes(path):
            try:
                (Path(path) / "autograde-test").write_text("x")
            except OSError as error:
                return type(error).__name__
            return "written"
        places = ["/", "/usr", "/etc", "/dev", "/proc/sys/kernel", sys.prefix, course, course + "/data/public"]
        import autograde
        places.append(os.path.dirname(autograde.__file__))
        return {"refused": [writes(place) for place in places],
                "own": [writes(place) for place in (".", "/tmp", "/dev/shm", tempfile.gettempdir())]}
    """)
    assert "written" not in seen["refused"]
    assert seen["own"] == ["written"] * 4


@fenced
def test_there_is_no_network_and_no_way_to_other_machines(inside):
    seen = inside("""
        import socket
        def reach(family, address):
            try:
                with socket.socket(family, socket.SOCK_STREAM) as one:
                    one.settimeout(2)
                    one.connect(address)
            except OSError as error:
                return type(error).__name__
            return "reached"
        families = [(socket.AF_INET, ("192.0.2.1", 80)), (socket.AF_INET, ("127.0.0.1", 22)), (socket.AF_VSOCK, (2, 1)),
                    (socket.AF_UNIX, "/run/dbus/system_bus_socket"), (socket.AF_UNIX, "/var/run/docker.sock")]
        try:
            socket.getaddrinfo("example.org", 80)
            name = "resolved"
        except OSError as error:
            name = type(error).__name__
        cards = [one for _, one in socket.if_nameindex()]
        return {"reached": [reach(*one) for one in families], "name": name, "cards": cards}
    """)
    assert "reached" not in seen["reached"]
    assert seen["name"] == "gaierror"
    assert seen["cards"] in ([], ["lo"])


@fenced
def test_calls_that_hold_memory_out_of_sight_or_open_namespaces_are_refused(inside):
    seen = inside("""
        import ctypes, mmap
        libc = ctypes.CDLL(None, use_errno=True)
        def failed(call):
            try:
                return call() == -1
            except OSError:
                return True
        return {
            "memfd": failed(lambda: os.memfd_create("x")),
            "sysv": failed(lambda: libc.shmget(0, 4096, 0o1600)),
            "shared map": failed(lambda: bool(mmap.mmap(-1, 4096))),
            "private map": not failed(lambda: bool(mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANON))),
            "namespace": failed(lambda: libc.unshare(0x10000000)),
            "ptrace": failed(lambda: libc.ptrace(0, 0, 0, 0)),
            "huge pages": failed(lambda: libc.prctl(41, 0, 0, 0, 0)),
            "no huge pages": libc.prctl(42, 0, 0, 0, 0) == 1,
            "threads": not failed(lambda: __import__("threading").Thread(target=int).start()),
            "processes": subprocess.run([sys.executable, "-S", "-c", "1"]).returncode == 0,
        }
    """)
    assert [name for name, good in seen.items() if not good] == []


#: Ways to hold 40 MiB where a meter of processes does not look, under a ceiling of 16 MiB.
HIDING = {
    "a plain file in /dev/shm": "with open('/dev/shm/x', 'wb') as file:\n    [file.write(bytes(MIB)) for _ in range(40)]",
    "a file in /tmp that has no name any more": (
        "file = open('/tmp/x', 'wb')\nos.unlink('/tmp/x')\n[file.write(bytes(MIB)) for _ in range(40)]\nfile.flush()"
    ),
    "shared memory": (
        "from multiprocessing import shared_memory\none = shared_memory.SharedMemory(create=True, size=40 * MIB)\n"
        "one.buf[::4096] = b'x' * (40 * MIB // 4096)"
    ),
    "an orphan of an orphan": (
        "import ctypes\nctypes.CDLL(None).prctl(36, 0, 0, 0, 0)\n"
        "code = 'import os, time\\nif os.fork(): os._exit(0)\\nx = bytearray(b\"x\") * (40 << 20)\\ntime.sleep(60)'\n"
        "subprocess.run([sys.executable, '-S', '-c', code])\ntime.sleep(0.5)"
    ),
}


@fenced
def test_a_plain_file_in_dev_shm_and_other_hiding_places_are_counted(judge):
    cells, answers = [toys.setup("import os, subprocess, sys, time\n" + toys.SETUP)], {}
    for number, body in enumerate(HIDING.values()):
        name = f"hide{number}"
        test = f'with ceiling("16 MiB"):\n    r = {name}()\nassert r == 13'
        cells += [toys.solution(name, f"def {name}(): return 13"), toys.test(f"test_{name}", test)]
        answers[name] = f"def {name}():\n{textwrap.indent(body, '    ')}\n    return 13"
    source = toys.book(*cells)
    outcomes = judge(source, toys.answered(source, answers), sandbox="bubblewrap")
    verdicts = {name: result_of(outcomes[f"test_hide{number}"], 1).verdict for number, name in enumerate(HIDING)}
    assert verdicts == dict.fromkeys(HIDING, Verdict.MLE)
    peaks = [outcomes[f"test_hide{number}"].blocks[0].peak_bytes for number in range(len(HIDING))]
    assert 40 * MIB <= peaks[0] < 48 * MIB
    assert sorted(peaks) == peaks  # what stays there after a test goes on counting


@linux
@pytest.mark.parametrize("kind", ["process", pytest.param("bubblewrap", marks=fenced)])
def test_between_two_requests_nothing_of_the_student_runs(judge, kind):
    """A thread that would change a result while the test looks at it stands still."""
    source = toys.book(
        toys.setup("import tempfile, threading, time\nfrom pathlib import Path\n" + toys.SETUP),
        toys.solution("write", "def write(path): path.write_text('1')"),
        toys.test(
            "test_write",
            "folder = Path(tempfile.mkdtemp())\nwrite(folder / 'x')\n"
            "before = (folder / 'x').read_text()\ntime.sleep(0.3)\nassert (folder / 'x').read_text() == before",
        ),
    )
    answer = (
        "def write(path):\n    def count():\n        n = 0\n        while True:\n            n += 1\n"
        "            path.write_text(str(n))\n    threading.Thread(target=count, daemon=True).start()\n"
        "    while not path.exists(): time.sleep(0.01)"
    )
    assert judge(source, toys.answered(source, {"write": answer}), sandbox=kind)["test_write"].exit is Exit.PASSED


@fenced
def test_what_the_test_makes_the_student_may_write_to_and_links_are_refused(judge):
    source = toys.book(
        toys.setup("import os, tempfile\nfrom pathlib import Path\n" + toys.SETUP),
        toys.solution("fill", "def fill(folder): (folder / 'x').write_text('13')"),
        toys.test(
            "test_fill",
            "with tempfile.TemporaryDirectory() as name:\n    (Path(name) / 'in').mkdir(mode=0o700)\n"
            "    fill(Path(name) / 'in')\n    assert (Path(name) / 'in' / 'x').read_text() == '13'",
        ),
        toys.solution("link", "def link(folder): return folder"),
        toys.test("test_link", "name = tempfile.mkdtemp()\nlink(Path(name))\n(Path(name) / 'x').read_text()"),
        toys.test("test_again", "with tempfile.TemporaryDirectory() as name:\n    fill(Path(name))"),
    )
    answers = {
        "fill": "def fill(folder):\n    (folder / 'x').write_text('13')",
        "link": "def link(folder):\n    os.symlink('/etc/passwd', folder / 'x')",
    }
    outcomes = judge(source, toys.answered(source, answers), sandbox="bubblewrap")
    assert outcomes["test_fill"].exit is Exit.PASSED
    assert outcomes["test_again"].exit is Exit.PASSED  # it costs that test alone
    assert outcomes["test_link"].problem.type == "SubmissionError"
    assert "x is a link" in outcomes["test_link"].problem.message


@fenced
def test_data_that_a_test_has_linked_to_stays_as_it_is(tmp_path, judge, monkeypatch):
    data = tmp_path / "data" / "x"
    data.parent.mkdir()
    data.write_text("13")
    monkeypatch.setenv("AUTOGRADE_DATA", str(data.parent))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # links do not go from disk to disk
    source = toys.book(
        toys.setup("import os, tempfile\nfrom pathlib import Path"),
        toys.solution("change", "def change(path): return path.read_text()"),
        toys.test(
            "test_change",
            "name = Path(tempfile.mkdtemp()) / 'x'\nos.link(Path(os.environ['AUTOGRADE_DATA']) / 'x', name)\n"
            "assert change(name) == '13'\nassert name.stat().st_uid == os.geteuid()",
        ),
    )
    answer = (
        "def change(path):\n    try:\n        path.write_text('17')\n    except PermissionError:\n"
        "        return path.read_text()"
    )
    outcome = judge(source, toys.answered(source, {"change": answer}), sandbox="bubblewrap")["test_change"]
    if os.geteuid() == 0:  # otherwise both sides are the same user
        assert outcome.exit is Exit.PASSED, outcome.problem
        assert data.read_text() == "13"


@fenced
def test_peaks_and_baselines_are_the_same_with_and_without(judge):
    source = toys.source_book()
    blocks = []
    for kind in ("process", "bubblewrap"):
        outcomes = judge(source, toys.answered(source, toys.RIGHT | {"count": toys.HUNGRY}), sandbox=kind)
        blocks.append(outcomes["test_count_memory"].blocks[0])
    one, other = blocks
    assert one.peak_bytes == pytest.approx(other.peak_bytes, abs=MIB)
    assert one.baseline_bytes == pytest.approx(other.baseline_bytes, abs=MIB)


@fenced
def test_nothing_is_left_when_it_ends(tmp_path):
    """Not even what has taken pains to have no parent, no group and no session."""
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    student = sandbox.start_student(workdir=folder, exchange=folder, log=tmp_path / "log", sandbox="bubblewrap")
    bubblewrap.hand_over(folder)
    hide = (
        "import ctypes, os, time\nctypes.CDLL(None).prctl(36, 0, 0, 0, 0)\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\n    time.sleep(600)\ntime.sleep(0.2)"
    )
    student.connection.send({"op": "cell", "label": "x", "source": hide})
    answer, _ = student.connection.receive(deadline=time.monotonic() + 60)
    assert answer["problem"] is None
    family = student.family()
    assert len(family) >= 2  # the one in between may still be there
    began = [psutil.Process(pid) for pid in family]
    student.end()
    psutil.wait_procs(began, timeout=10)
    assert not any(process.is_running() for process in began)


@fenced
def test_hidden_data_is_there_during_a_call_and_its_seed_is_not(tmp_path, judge, monkeypatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "data"))
    seed = 4711_0815_4711
    source = toys.book(
        toys.setup(
            "import json, os, re\nfrom pathlib import Path\nfrom data_scripts import hidden_seed\n"
            "from data_scripts.two_photon import fetch\npublic = fetch(shape=(17, 19, 23))"
        ),
        toys.solution("look", "def look(path): return {}"),
        toys.test(
            "test_look",
            "path = fetch(shape=(17, 19, 23), seed=hidden_seed())\nassert (path.parent / 'manifest.json').exists()\n"
            "r = look(path)\nassert False, json.dumps(r | {'name': path.parent.name})",
        ),
    )
    answer = """
        home = Path(os.environ["AUTOGRADE_DATA"])
        before = os.listdir(home / "hidden")
        def look(path):
            texts = [str(file) for file in home.rglob("*")]
            texts += [file.read_text(errors="ignore") for file in home.rglob("*.json")]
            return {
                "before": before,
                "now": os.listdir(home / "hidden"),
                "beside": os.listdir(path.parent) == [path.name],
                "public": public.exists() and (public.parent / "manifest.json").exists(),
                "seed": any("471108154711" in text for text in texts),
                "writes": os.access(path, os.W_OK),
                "elsewhere": str(fetch(shape=(9, 11, 13))).startswith(os.environ["TMPDIR"]),
            }
    """
    answers = {"look": textwrap.dedent(answer)}
    outcome = judge(source, toys.answered(source, answers), sandbox="bubblewrap", seed=seed)["test_look"]
    assert outcome.problem.type == "AssertionError", outcome.problem
    seen = json.loads(outcome.problem.message)
    name = seen.pop("name")
    assert seen == {
        "before": [],
        "now": [name],
        "beside": True,
        "public": True,
        "seed": False,
        "writes": False,
        "elsewhere": True,
    }
    assert str(seed) not in name
    assert list((tmp_path / "data" / "hidden" / ".views").iterdir()) == []


# --- choosing -----------------------------------------------------------------------------------------------------------


def test_auto_falls_back_with_a_sentence_and_bubblewrap_does_not(monkeypatch):
    monkeypatch.setattr(bubblewrap, "why_not", lambda: "bubblewrap is not installed (apt install bubblewrap)")
    assert choose_sandbox("process") == ("process", None)
    used, remark = choose_sandbox("auto")
    assert used == "process"
    assert remark == (
        "no sandbox around submissions, they run as plain processes: bubblewrap is not installed (apt install bubblewrap)"
    )
    with pytest.raises(JudgeError, match=r"is not installed .*`--sandbox process` judges without it: only for"):
        choose_sandbox("bubblewrap")
    with pytest.raises(CourseError, match="no sandbox 'docker'; expected one of auto, bubblewrap, process"):
        choose_sandbox("docker")


def test_grade_exits_with_3_where_the_sandbox_that_was_asked_for_cannot_be_had(course, monkeypatch):
    from click.testing import CliRunner

    monkeypatch.setattr(bubblewrap, "why_not", lambda: "bubblewrap is not installed")
    toys.hand_in(course, "ada", toys.answered(toys.source_book(), toys.RIGHT))
    done = CliRunner().invoke(main, ["--course", str(course.root), "grade", "toy", "--sandbox", "bubblewrap"])
    assert done.exit_code == 3
    assert "bubblewrap is not installed. `--sandbox process` judges without it" in done.stderr
    assert not (course.root / "build").exists()


def test_why_not_names_what_is_missing(monkeypatch):
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda name: None)
    assert bubblewrap.why_not.__wrapped__() == "bubblewrap is not installed (Debian, Ubuntu: apt install bubblewrap)"


@linux
def test_why_not_tells_what_bubblewrap_says(monkeypatch, tmp_path):
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    reason = bubblewrap.why_not.__wrapped__()
    assert reason.startswith("bubblewrap does not work here (bwrap: No permissions to create new namespace).")
    assert "CAP_SYS_ADMIN" in reason


def test_a_user_that_is_not_root_gets_a_user_namespace(monkeypatch):
    monkeypatch.setattr(bubblewrap.os, "geteuid", lambda: 1000)
    command = bubblewrap.command(bubblewrap.View(), ["true"])
    assert {"--unshare-user", "--disable-userns"} <= set(command)
    assert "setpriv" not in command


def test_the_filter_is_well_formed():
    assert student_filter("riscv64") is None
    for machine in ("x86_64", "aarch64"):
        program = student_filter(machine)
        steps = list(struct.iter_unpack("<HBBI", program))
        assert len(steps) < 4096
        for place, (code, yes, no, _) in enumerate(steps):
            if code in (0x15, 0x35, 0x45):
                assert place + 1 + max(yes, no) < len(steps)
        assert steps[-1] == (0x06, 0, 0, 0x7FFF0000)


@linux
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the header of this machine is laid out otherwise")
def test_the_numbers_of_the_calls_are_those_of_the_kernels_header():
    from autograde import seccomp

    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("no kernel headers here")
    known = dict(line.split()[1:3] for line in header.read_text().splitlines() if line.startswith("#define __NR_"))
    for name, (number, _) in seccomp._REFUSED.items():
        assert known[f"__NR_{name}"] == str(number), name


def test_python_is_shown_whole_and_our_packages_alone():
    shown = bubblewrap._python_folders()
    root = Path(toys.__file__).parent.parent
    assert root not in shown
    assert not any(path.is_relative_to(root / "source") or path.is_relative_to(root / "tests") for path in shown)
    for name in ("", "source", "tests", "release", "submitted"):
        assert not any((root / name).is_relative_to(path) for path in shown)
    done = subprocess.run([sys.executable, "-P", "-c", "import autograde"], capture_output=True, text=True, check=False)
    assert done.returncode == 0


@fenced
def test_hidden_data_of_one_test_is_gone_when_the_next_cell_runs(tmp_path, judge, monkeypatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "data"))
    source = toys.book(
        toys.setup(
            "import os\nfrom pathlib import Path\n"
            "from data_scripts import hidden_seed\nfrom data_scripts.two_photon import fetch"
        ),
        toys.solution("first", "def first(path): return None"),
        toys.test(
            "test_first", "path = fetch(shape=(7, 9, 8), seed=hidden_seed())\nassert first(path) == first(path) == 1"
        ),
        toys.solution("second", "def second(): return None"),
        toys.test("test_second", "assert second() == (0, 1)"),
    )
    listing = "len(os.listdir(Path(os.environ['AUTOGRADE_DATA']) / 'hidden'))"
    answers = {
        "first": f"def first(path): return {listing}",
        "second": f"between = {listing}\ndef second(): return between, {listing}",
    }
    outcomes = judge(source, toys.answered(source, answers), sandbox="bubblewrap", seed=4711)
    assert {name: (one.exit, one.problem) for name, one in outcomes.items()} == {
        "test_first": (Exit.PASSED, None),
        "test_second": (Exit.PASSED, None),
    }
