"""nbgrader's exchange, from release to marks: an instructor and a student, two folders, a private exchange between them."""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import pytest
import toys
from browser import environment
from nbgrader.utils import get_username

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the exchange of nbgrader wants Unix")

MORE = "c.Exchange.root = {root!r}\n"


def run(folder, *command):
    """Run a command of this environment in a folder; gives what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment(folder / ".jupyter"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_assignment_goes_out_comes_back_and_is_marked(tmp_path):
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    settings = MORE.format(root=str(exchange))
    course = toys.write_course(tmp_path / "course", mode="graded", more=settings)
    home = tmp_path / "home"
    home.mkdir()
    (home / "nbgrader_config.py").write_text(f'c = get_config()\nc.CourseDirectory.course_id = "toy"\n{settings}')

    run(course.root, "autograde", "release", "toy")
    run(course.root, "nbgrader", "release_assignment", "toy")
    run(home, "nbgrader", "fetch_assignment", "toy")
    mine = home / "toy" / "exercise.ipynb"
    book = nbformat.read(mine, 4)
    assert "which is secret" not in nbformat.writes(book)
    toys.write(toys.answered(book, {**toys.RIGHT, "count": toys.HUNGRY}), mine)
    run(home, "nbgrader", "submit", "toy")
    run(course.root, "nbgrader", "collect", "toy")

    student = get_username()
    assert course.students("toy") == (student,)
    (report,) = json.loads(run(course.root, "autograde", "grade", "toy", "--format", "json"))
    assert (report["student"], report["score"], report["max_score"]) == (student, 2, 7)
    assert [test["verdict"] for test in report["tests"]] == ["AC", "MLE"]
