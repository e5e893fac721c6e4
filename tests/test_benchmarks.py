"""Benchmarks that no other test runs, once and at tiny size: they come to an end, and what they compare was really done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
        (["meter.py", "repeat", "--rounds", "2", "--mebibytes", "8"], "above the median"),
        (["meter.py", "verdicts", "--rounds", "1"], "4 verdicts, 0 wrong"),
    ],
    ids=" ".join,
)
def test_a_benchmark_prints_what_it_promises(command, told, tmp_path):
    done = run(*command, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert told in done.stdout


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
