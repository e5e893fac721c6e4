"""Limits: read from the settings, held by the system or by the guard, and told in words."""

from __future__ import annotations

import sys

import pytest
import toys

from autograde.errors import CourseError
from autograde.limits import LIMIT_PROBLEM, Limits, parse_limits
from autograde.types import Exit, Outcome, Problem, Verdict
from autograde.verdict import result_of

GIB = 2**30
MIB = 2**20


def test_limits_are_read_with_sizes_as_text():
    assert parse_limits({}) == Limits()
    assert parse_limits({"memory_bytes": "2 GiB", "processes": 64, "cpu_seconds": 1.5}) == Limits(
        memory_bytes=2 * GIB, processes=64, cpu_seconds=1.5
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"memory": 1}, "no limit memory; there is memory_bytes, "),
        ({"memory_bytes": "much"}, "expected a size such as '64 MiB'"),
        ({"processes": 0}, "the limit processes is 0, expected a number above zero"),
        ({"files": True}, "the limit files is True"),
        ({"cpu_seconds": "10"}, "the limit cpu_seconds is '10'"),
    ],
)
def test_a_limit_that_is_none_is_refused(values, message):
    with pytest.raises(CourseError, match=message):
        parse_limits(values)


def test_a_course_sets_limits_and_the_sandbox_in_one_place(tmp_path):
    more = 'c.CourseSettings.limits = {"output_bytes": "1 MiB"}\nc.CourseSettings.sandbox = "process"'
    settings = toys.write_course(tmp_path / "good", more=more).settings
    assert (settings.limits, settings.sandbox) == (Limits(output_bytes=MIB), "process")
    with pytest.raises(CourseError, match=r"nbgrader_config.py: c.CourseSettings.limits: no limit memory"):
        toys.write_course(tmp_path / "bad", more='c.CourseSettings.limits = {"memory": 1}')
    with pytest.raises(CourseError, match=r"sandbox is 'jail', expected auto or bubblewrap or process"):
        toys.write_course(tmp_path / "worse", more='c.CourseSettings.sandbox = "jail"')


@pytest.mark.parametrize(
    ("how", "verdict"), [(Exit.LIMIT, Verdict.MLE), (Exit.TIMEOUT, Verdict.TLE), (Exit.DIED, Verdict.RTE)]
)
def test_a_limit_that_was_hit_is_told_in_words(how, verdict):
    problem = Problem(LIMIT_PROBLEM, "your code printed more than 16 MiB, which is the limit, and was stopped", True)
    result = result_of(Outcome("n", "t", how, problem), 3.0)
    assert (result.verdict, result.points) == (verdict, 0.0)
    assert result.message == "Your code printed more than 16 MiB, which is the limit, and was stopped."


def test_what_the_system_says_at_a_limit_is_translated():
    problem = Problem("OSError", "[Errno 27] File too large", True)
    message = result_of(Outcome("n", "t", Exit.RAISED, problem), None).message
    assert message == (
        "Your code stopped with OSError: [Errno 27] File too large This is the limit on the size of one file."
    )


#: Functions by the limit that stops them, with what the student is told.
OVER = {
    "memory_bytes": (
        "x = np.ones(300 * MIB, np.uint8)\ntime.sleep(5)",
        Verdict.MLE,
        "held more than 256 MiB of memory",
    ),
    "output_bytes": ("while True: print('x' * 100_000)", Verdict.RTE, "printed more than 1 MiB"),
    "disk_bytes": (
        "for n in range(100):\n    (folder / str(n)).write_bytes(bytes(MIB) * 4)\n    time.sleep(0.01)\ntime.sleep(5)",
        Verdict.RTE,
        "wrote more than 128 MiB to disk",
    ),
    "files": ("for n in range(10**6): (folder / str(n)).touch()", Verdict.RTE, "wrote more than 2000 files"),
    "file_bytes": ("(folder / 'x').open('wb').truncate(10**12)", Verdict.RTE, "the limit on the size of one file"),
    "cpu_seconds": ("while True: pass", Verdict.TLE, "took more than 2 s of processor time"),
    "open_files": (
        "kept = [open(os.devnull) for _ in range(10**6)]",
        Verdict.RTE,
        "the limit on open files",
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_each_limit_is_the_verdict_of_its_test_and_of_no_other(judge):
    """In a plain process: tests/attacks has more of them, in the sandbox."""
    cells = [toys.setup("import os, tempfile, time\nfrom pathlib import Path\n" + toys.SETUP)]
    answers = {}
    for name, (body, _, _) in OVER.items():
        cells += [
            toys.solution(name, f"def {name}(folder): return 13"),
            toys.test(f"test_{name}", f"{name}(Path(tempfile.mkdtemp()))"),
            toys.solution(f"after_{name}", f"def after_{name}(): return 13"),
            toys.test(f"test_after_{name}", f"assert after_{name}() == 13"),
        ]
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        answers |= {name: f"def {name}(folder):\n{lines}", f"after_{name}": f"def after_{name}(): return 6 + 7"}
    limits = Limits(
        memory_bytes=256 * MIB,
        output_bytes=MIB,
        disk_bytes=128 * MIB,
        files=2000,
        file_bytes=64 * MIB,
        cpu_seconds=2.0,
        open_files=128,
    )
    source = toys.book(*cells)
    outcomes = judge(source, toys.answered(source, answers), limits=limits)
    results = {name: result_of(outcome, None) for name, outcome in outcomes.items()}
    for name, (_, verdict, words) in OVER.items():
        assert words in results[f"test_{name}"].message
        assert results[f"test_{name}"].verdict is verdict, name
        assert results[f"test_after_{name}"].verdict is Verdict.AC, name


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_who_prints_a_file_full_costs_no_later_test(judge):
    source = toys.book(
        toys.setup(toys.SETUP),
        toys.solution("flood", "def flood(): return 13"),
        toys.test("test_flood", "flood()"),
        toys.solution("quiet", "def quiet(): return 13"),
        toys.test("test_quiet", "assert quiet() == 13"),
    )
    answers = {
        "flood": "def flood():\n    while True: print('x' * 100_000)",
        "quiet": "def quiet():\n    print('a word', flush=True)\n    return 13",
    }
    outcomes = judge(source, toys.answered(source, answers), limits=Limits(file_bytes=MIB))
    results = {name: result_of(outcome, None).verdict for name, outcome in outcomes.items()}
    assert results == {"test_flood": Verdict.RTE, "test_quiet": Verdict.AC}


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_the_time_of_a_whole_notebook_is_limited(judge):
    source = toys.book(
        toys.setup("import time"),
        toys.solution("slow", "def slow(): return 13"),
        toys.test("test_slow", "slow()"),
        toys.test("test_again", "slow()"),
    )
    answer = {"slow": "def slow():\n    time.sleep(1.5)\n    return 13"}
    outcomes = judge(source, toys.answered(source, answer), limits=Limits(notebook_seconds=2.0))
    message = result_of(outcomes["test_again"], None).message
    assert message == "Your code took more than 2 s in this notebook, which is the limit, and was stopped."
    assert result_of(outcomes["test_again"], None).verdict is Verdict.TLE
