"""Benchmarks that no other test runs, once and at tiny size: they come to an end, and what they compare was really done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import toys

ROOT = Path(__file__).resolve().parents[1]
SMALL = ["--assignment", "0-will-it-fit", "--notebook", "will_it_fit"]


def run(name, *options, folder):
    env = os.environ | {"AUTOGRADE_SCALE": "tiny", "AUTOGRADE_DATA": str(folder / "data"), "TMPDIR": str(folder)}
    command = [sys.executable, str(ROOT / "tests" / "benchmarks" / name), *options]
    return subprocess.run(command, capture_output=True, text=True, env=env)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["class.py", *SMALL, "--students", "2", "--turns"], "1 submissions, seconds on average"),
        (["class.py", "--stubs", "2"], "2 submissions: "),
        (["meter.py", "overhead", "--rounds", "3", "--mebibytes", "8"], "tracemalloc +"),
        (["meter.py", "repeat", "--rounds", "2", "--mebibytes", "8", "--work", "sum in a loop"], "above the median"),
        (["meter.py", "verdicts", "--rounds", "1"], "4 verdicts, 0 wrong"),
    ],
    ids=" ".join,
)
def test_a_benchmark_prints_what_it_promises(command, told, tmp_path):
    done = run(*command, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert told in done.stdout


def test_the_solutions_nearest_to_a_ceiling_are_judged_again(tmp_path):
    course = toys.write_course(tmp_path / "course")
    gallery = course.root / "tests" / "gallery" / "toy" / "count"
    for path, text in {
        "accepted/a_mebibyte.py": toys.RIGHT["count"],
        "accepted/eight.py": "def count(n_mib):\n    eight = np.ones(8 * MIB, np.uint8)\n    return n_mib * MIB",
        "memory_exceeded/all.py": toys.HUNGRY,
    }.items():
        (gallery / path).parent.mkdir(parents=True, exist_ok=True)
        (gallery / path).write_text(text)
    done = run("meter.py", "margins", "toy", "count", "--rounds", "1", "--course", str(course.root), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "count/eight, busy: 1 of 1 accepted" in done.stdout
    assert "count/all, quiet: 1 of 1 memory exceeded" in done.stdout
    assert "4 verdicts, 0 wrong" in done.stdout


def test_a_class_that_was_not_judged_has_no_figure(tmp_path):
    """A judge that does not start is fast: the benchmark once said 94 times as fast as nbgrader."""
    (tmp_path / "sitecustomize.py").write_text(
        "import autograde.submission as s\n\ndef fails(*a, **k): raise s.JudgeError('no judge today')\n\ns.run_job = fails\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        done = run("class.py", *SMALL, "--students", "2", "--turns", folder=tmp_path)
    assert done.returncode == 1
    assert "student-000 was not judged" in done.stderr
    assert "on average" not in done.stdout
