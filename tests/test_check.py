"""How far a student is: every exercise with a tick or a kind of not yet, for a notebook or a folder of them."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest
import toys
from click.testing import CliRunner

from autograde import check
from autograde.check import Exercise, Overview, check_all, check_notebook, exercises_of, find_notebooks, show
from autograde.cli import main
from autograde.errors import CourseError
from autograde.notebook import rebuild
from autograde.types import ChunkGrid, Exit, Measurement, Outcome, Problem, Touched, Verdict
from autograde.verdict import report, result_of


def source():
    """Exercises `double` (core) and `count` (optional)."""
    made = toys.source_book()
    for cell in made.cells[4:]:
        cell.metadata["tags"] = ["optional"]
    made.cells.append(toys.solution("later", "def later(): pass"))
    return made


def outcome(test, exit=Exit.PASSED, problem=None):
    return Outcome("exercise", test, exit, problem)


WRONG = replace(
    outcome("test_count_memory", Exit.RAISED, Problem("AssertionError", "every byte is one", False)),
    blocks=(Measurement("tree", 64, 48, 0.5, samples=((0.0, 64),)),),
    touched=(Touched("[a].zarr: 1 chunk read", (ChunkGrid("[a].zarr", (3,), {"1": 1}, {}),)),),
)


@pytest.fixture
def quick(monkeypatch):
    """Checking without processes: `double` passes, `count` is wrong; what was asked is listed."""
    asked = []

    def run(job, facts, *, told=lambda outcome: None):
        asked.append(job)
        found = [one for one in (outcome("test_double"), WRONG) if one.test in job.only]
        for one in found:
            told(one)
        return found

    monkeypatch.setattr(check, "run_job", run)
    return asked


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict.AC, "✓"),
        (Verdict.NS, "not yet: nothing submitted"),
        (Verdict.WA, "not yet: wrong answer"),
        (Verdict.MLE, "not yet: memory exceeded"),
        (None, "judged later"),
    ],
)
def test_an_exercise_is_a_tick_or_a_kind_of_not_yet(verdict, words):
    assert Exercise("imaging", "downsample2", False, 1, 2, verdict).words == words


def test_the_first_test_that_does_not_pass_says_what_kind_of_not_yet_it_is():
    book = toys.book(
        toys.solution("f", "def f(): pass"),
        *(toys.test(name, "f()") for name in ("test_f", "test_f_memory", "test_f_hidden")),
    )
    died = outcome("test_f_memory", Exit.LIMIT, Problem("MemoryCeilingExceeded", "too much", True))
    results = [result_of(one, None, practice=True) for one in (outcome("test_f"), died)]
    (exercise,) = exercises_of(rebuild("x", book, book), report("x.ipynb", "", results))
    assert (exercise.passed, exercise.tests, exercise.verdict) == (1, 2, Verdict.MLE)
    assert exercise.test_names == ("test_f", "test_f_memory")
    assert exercise.message.startswith("too much")


def test_an_overview_counts_core_and_optional_apart_and_shows_itself():
    table = Overview(
        (
            Exercise("a", "f", False, 2, 2, Verdict.AC),
            Exercise("a", "<g>", True, 0, 1, Verdict.WA, "say <b>"),
            Exercise("a", "essay", False, 0, 0, None),
        ),
        ("b.ipynb is broken",),
    )
    assert table.summary == "core: 1 of 1 done; optional: 0 of 1 done"
    assert "<g>" in str(table)
    assert "b.ipynb is broken" in str(table)
    drawn = table._repr_html_()
    assert "<code>&lt;g&gt;</code>" in drawn
    assert "say &lt;b&gt;" in drawn
    assert "not yet: wrong answer" in drawn


def test_an_overview_of_nothing_says_so():
    assert Overview(()).summary == "no exercises with tests"


# --- folders ----------------------------------------------------------------------------------------------------------


def test_a_folder_is_its_notebooks_with_tests_and_no_copies(tmp_path):
    for name in ("b/two", "a/one", ".ipynb_checkpoints/one", "a/backup/one", ".git/three"):
        toys.write(source(), tmp_path / f"{name}.ipynb")
    toys.write(toys.book(toys.plain("1")), tmp_path / "notes.ipynb")
    assert find_notebooks(tmp_path) == (tmp_path / "a" / "one.ipynb", tmp_path / "b" / "two.ipynb")


def test_a_folder_without_notebooks_is_wrong_use(tmp_path):
    with pytest.raises(CourseError, match="no notebooks with tests in"):
        find_notebooks(tmp_path)


def test_a_notebook_that_cannot_be_read_stops_no_other(tmp_path, quick):
    (tmp_path / "broken.ipynb").write_text('{"cells": [')
    toys.write(source(), tmp_path / "exercise.ipynb")
    broken, whole = check_all(tmp_path)
    assert "broken.ipynb is not a Jupyter notebook" in broken.problem
    assert [(one.name, one.optional, one.words) for one in whole.exercises] == [
        ("double", False, "✓"),
        ("count", True, "not yet: wrong answer"),
        ("later", False, "judged later"),
    ]


def test_one_exercise_alone_runs_only_its_tests(tmp_path, quick):
    path = toys.write(source(), tmp_path / "exercise.ipynb")
    assert [result.test for result in check_notebook(path, exercise="count").tests] == ["test_count_memory"]
    assert quick[0].only == ("test_count_memory",)
    with pytest.raises(CourseError, match="no exercise 'cuont'; it has double, count"):
        check_notebook(path, exercise="cuont")


STUBS = {"double": f"def double(values):\n    {toys.STUB}", "count": f"def count(n_mib):\n    {toys.STUB}"}


@pytest.mark.parametrize(
    ("answers", "extra", "run"),
    [
        (STUBS, "x = 1", False),
        (STUBS | {"double": toys.RIGHT["double"]}, "x = 1", True),
        (STUBS | {"double": "def double(values):\n    pass"}, "x = 1", True),
        (STUBS | {"double": "def double(values:\n    raise NotImplementedError()"}, "x = 1", True),
        (STUBS, "def double(values):\n    return values", True),
    ],
)
def test_only_a_notebook_that_is_as_it_was_handed_out_need_not_be_run(tmp_path, quick, answers, extra, run):
    path = toys.write(
        toys.answered(toys.source_book(), answers, extra=[toys.plain(extra)]), tmp_path / "exercise.ipynb"
    )
    judged = check_notebook(path)
    assert bool(quick) is run
    if not run:
        assert [result.verdict for result in judged.tests] == [Verdict.NS] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_of_an_untouched_notebook_is_said_what_a_judge_would_say(tmp_path, monkeypatch):
    path = toys.write(toys.answered(toys.source_book(), STUBS), tmp_path / "exercise.ipynb")

    def said():
        return [(one.test, one.verdict, one.message) for one in check_notebook(path).tests]

    at_once = said()
    monkeypatch.setattr(check, "_untouched", lambda notebook: False)
    assert at_once == said()


# --- the command, and the call in a notebook ----------------------------------------------------------------------------


def test_the_command_shows_the_exercises_of_a_folder(tmp_path, quick):
    for name in ("exercise", "more"):
        toys.write(source(), tmp_path / "toy" / f"{name}.ipynb")
    done = CliRunner().invoke(main, ["check", str(tmp_path)])
    assert done.exit_code == 1
    assert done.stdout.count("not yet: wrong answer") == 2
    assert "core: 2 of 2 done; optional: 0 of 2 done" in done.stdout
    assert "every byte is one" not in done.stdout  # which a single notebook would show


def test_the_command_shows_tests_and_exercises_of_a_notebook(tmp_path, quick):
    path = toys.write(source(), tmp_path / "exercise.ipynb")
    done = CliRunner().invoke(main, ["check", str(path)])
    assert "1 of 2 tests pass." in done.stdout
    assert "every byte is one" in done.stdout
    assert "█" * 64 in done.stdout
    assert "[a].zarr, 3 chunks, read\n  ·1·\n" in done.stdout
    assert "optional: 0 of 1 done" in done.stdout


def test_results_name_the_exercise_and_what_cannot_be_read_goes_to_standard_error(tmp_path, quick):
    toys.write(source(), tmp_path / "exercise.ipynb")
    (tmp_path / "broken.ipynb").write_text("")
    done = CliRunner().invoke(main, ["check", str(tmp_path), "--format", "json"])
    assert done.exit_code == 1
    assert [(row["test"], row["exercise"], row["optional"]) for row in json.loads(done.stdout)] == [
        ("test_double", "double", False),
        ("test_count_memory", "count", True),
    ]
    assert "broken.ipynb is not a Jupyter notebook" in done.stderr


def test_one_call_in_a_notebook_shows_the_table(tmp_path, monkeypatch, quick):
    toys.write(source(), tmp_path / "exercise.ipynb")
    monkeypatch.chdir(tmp_path)
    assert check.show("exercise.ipynb").summary == "core: 1 of 1 done; optional: 0 of 1 done"
    assert "there is no notebook" in show("exrecise.ipynb").problems[0]


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_the_call_in_the_very_notebook_that_is_judged_does_nothing(tmp_path):
    call = toys.plain(
        "from autograde.check import show\nshown = show('exercise.ipynb')\nassert not shown.exercises, shown"
    )
    right = toys.answered(toys.before(toys.source_book(), "double", call), toys.RIGHT)
    show_path = toys.write(right, tmp_path / "exercise.ipynb")
    assert [one.words for one in show(show_path).exercises] == ["✓", "✓"]


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_a_notebook_that_is_judged_cannot_have_itself_judged_by_any_way(tmp_path):
    answer = (
        "import subprocess, sys\n"
        "command = [sys.executable, '-m', 'autograde', 'check', 'exercise.ipynb']\n"
        "done = subprocess.run(command, capture_output=True, text=True)\n"
        "def double(values):\n"
        "    assert done.returncode == 2 and 'must not have notebooks judged' in done.stderr, done\n"
        "    return 2 * values"
    )
    right = toys.answered(toys.source_book(), {**toys.RIGHT, "double": answer})
    assert [one.words for one in show(toys.write(right, tmp_path / "exercise.ipynb")).exercises] == ["✓", "✓"]
