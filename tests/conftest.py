"""Fixtures that several test files share: a toy course, and a way to judge a toy notebook."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import toys
from hypothesis import settings

from autograde.course import Course
from autograde.jobs import run_job
from autograde.session import Job
from autograde.types import Outcome

# nothing is remembered from run to run, the same examples every time, and a busy machine is no failure
settings.register_profile("autograde", database=None, deadline=None, derandomize=True)
settings.load_profile("autograde")


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course in practice mode: assignment `toy`, notebook `exercise`, exercises `double` and `count`."""
    return toys.write_course(tmp_path / "course")


@pytest.fixture
def graded_course(tmp_path: Path) -> Course:
    """The same course in graded mode."""
    return toys.write_course(tmp_path / "course", mode="graded")


def judge_books(folder: Path, source: Any, submitted: Any, **job: Any) -> dict[str, Outcome]:
    """The outcomes of the tests of `submitted`, by test, judged in processes of their own."""
    source_path = toys.write(source, folder / "source" / "toy" / "exercise.ipynb")
    path = toys.write(submitted, folder / "submission.ipynb")
    given = {"cell_seconds": 60.0, "test_seconds": 60.0} | job
    asked = Job("exercise", str(source_path), str(path), str(source_path.parent), **given)
    return {outcome.test: outcome for outcome in run_job(asked, folder / "facts.jsonl")}


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., dict[str, Outcome]]:
    """Judge a notebook against a source notebook: `judge(source, submitted, **job)`."""

    def run(source: Any, submitted: Any, **job: Any) -> dict[str, Outcome]:
        return judge_books(tmp_path, source, submitted, **job)

    return run


@pytest.fixture
def children_before() -> list[int]:
    """Process ids of what descends from this process before the test."""
    return [child.pid for child in psutil.Process().children(recursive=True)]
