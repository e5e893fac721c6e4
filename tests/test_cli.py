"""The command: every part explains itself with an example, results can be piped, and the exit code tells how it went."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import toys
from click.testing import CliRunner

from autograde import __version__, cohort, submission
from autograde.cli import main
from autograde.errors import JudgeError
from autograde.types import Exit, Outcome, to_json

RIGHT = toys.answered(toys.source_book(), toys.RIGHT)
WRONG = toys.answered(toys.source_book(), toys.WRONG)


def call(*arguments, course=None):
    """Exit code, standard output and standard error of a command."""
    where = [] if course is None else ["--course", str(course.root)]
    done = CliRunner().invoke(main, [*where, *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture
def quick(monkeypatch):
    """Grading without processes: every test passes."""

    def run(job, facts, *, told=lambda outcome: None):
        outcomes = [Outcome(job.name, test, Exit.PASSED) for test in job.only]
        with facts.open("a") as file:
            file.writelines(to_json(outcome) + "\n" for outcome in outcomes)
        return outcomes

    monkeypatch.setattr(submission, "run_job", run)


# --- help -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", sorted(main.commands))
def test_help_has_an_example_that_names_the_command(command):
    code, text, _ = call(command, "--help")
    assert code == 0
    assert "Example:" in text
    assert f"autograde {command}" in text.partition("Example:")[2]
    assert call(command, "-h")[1] == text


def test_the_overview_lists_every_command_with_a_sentence():
    code, text, _ = call("--help")
    assert code == 0
    for command in main.commands:
        assert any(len(line.split()) > 3 for line in text.splitlines() if line.startswith(f"  {command} ")), command


def test_the_table_of_a_class_has_points_where_there_are_some_and_says_who_waits_for_a_person(tmp_path, quick):
    course = toys.write_course(tmp_path / "practice")
    toys.hand_in(course, "ada", RIGHT)
    text = call("grade", "toy", course=course)[1]
    assert "2/2" in text
    assert "points" not in text
    book = toys.source_book()
    book.cells.append(toys.essay("thoughts", "write here"))
    course = toys.write_course(tmp_path / "graded", {"exercise": book}, mode="graded")
    call("release", course=course)
    toys.hand_in(course, "ada", toys.answered(book, toys.RIGHT | {"thoughts": "mine"}))
    text = call("grade", "toy", course=course)[1]
    assert "7/7" in text
    assert "waits for a person: formgrader, Manual Grading" in text


@pytest.mark.parametrize("command", ["board", "catchup", "check", "collect", "data", "grade", "update", "verify"])
def test_what_has_results_has_formats(command):
    assert "--format [table|json|csv]" in call(command, "--help")[1].replace("\n", " ")


def test_the_version_is_that_of_the_package():
    assert call("--version") == (0, f"autograde, version {__version__}\n", "")


def test_the_package_is_a_program_too():
    done = subprocess.run([sys.executable, "-m", "autograde", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"autograde, version {__version__}\n"


# --- wrong use: 2 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("release",), ("verify", "toy"), ("grade", "toy"), ("report", "toy"), ("demo",)])
def test_outside_of_a_course_directory_the_exit_code_is_2_with_what_to_do(tmp_path, arguments):
    code, out, err = call("--course", tmp_path, *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith(
        f"autograde: {tmp_path} is not in a course directory: expected a folder with nbgrader_config.py"
    )
    assert "--course" in err


@pytest.mark.parametrize("arguments", [("release", "tyo"), ("verify", "tyo"), ("grade", "tyo"), ("report", "tyo")])
def test_an_unknown_assignment_is_wrong_use(course, arguments):
    code, _, err = call(*arguments, course=course)
    assert code == 2
    assert "no assignment 'tyo' in" in err
    assert "there is: toy" in err


@pytest.mark.parametrize(
    "arguments",
    [("grade",), ("nonsense",), ("grade", "toy", "--format", "xml"), ("grade", "toy", "--jobs", "0"), ("check",)],
)
def test_a_call_that_cannot_be_understood_is_wrong_use(arguments):
    code, out, err = call(*arguments)
    assert code == 2
    assert out == ""
    assert "Error" in err or "Usage" in err


def test_an_unknown_student_is_wrong_use(course):
    toys.hand_in(course, "ada", RIGHT)
    code, _, err = call("grade", "toy", "--student", "eve", course=course)
    assert code == 2
    assert "no submission of eve for toy; there is ada" in err


def test_a_roster_that_is_not_there_is_wrong_use(course):
    code, _, err = call("grade", "toy", "--roster", course.root / "none.csv", course=course)
    assert code == 2
    assert "none.csv cannot be read: No such file" in err


def test_an_unknown_data_set_is_wrong_use():
    code, _, err = call("data", "whole_planet")
    assert code == 2
    assert "no data set whole_planet; there is " in err


def test_verify_without_a_gallery_is_wrong_use(course):
    code, _, err = call("verify", "toy", course=course)
    assert code == 2
    assert "no gallery for toy: expected solutions in" in err


@pytest.mark.parametrize("text", ["", "{", "[]", "def f(): pass"])
def test_check_on_a_file_that_is_no_notebook_is_wrong_use_with_advice(tmp_path, text):
    (tmp_path / "mine.ipynb").write_text(text)
    code, out, err = call("check", tmp_path / "mine.ipynb")
    assert code == 2
    assert out == ""
    assert "mine.ipynb is not a Jupyter notebook" in err
    assert "Open it in JupyterLab" in err
    assert "Traceback" not in err


def test_check_on_a_notebook_that_is_not_there_is_wrong_use(tmp_path):
    code, _, err = call("check", tmp_path / "mine.ipynb")
    assert code == 2
    assert "there is no notebook" in err


def test_check_on_a_notebook_without_tests_is_wrong_use(tmp_path):
    code, _, err = call("check", toys.write(toys.book(toys.plain("x = 1")), tmp_path / "mine.ipynb"))
    assert code == 2
    assert "mine.ipynb has no tests" in err


def test_release_of_a_source_that_leaks_is_wrong_use_and_says_where(course):
    (course.root / "source" / "toy" / "notes.txt").write_text("return doubled_by_hand")
    code, _, err = call("release", course=course)
    assert code == 2
    assert "notes.txt" in err


# --- the judge failed: 3 ------------------------------------------------------------------------------------------------


def test_a_judge_that_fails_is_told_by_3_and_the_results_are_printed(course, monkeypatch):
    def run(job, facts, **options):
        raise JudgeError("no space left")

    monkeypatch.setattr(submission, "run_job", run)
    toys.hand_in(course, "ada", RIGHT)
    code, out, _ = call("grade", "toy", "--format", "json", course=course)
    assert code == 3
    assert [report["status"] for report in json.loads(out)] == ["judge_error"]


def test_an_error_of_the_judge_is_one_sentence(course, monkeypatch):
    def fail(*args, **kwargs):
        raise JudgeError("the disk is gone")

    monkeypatch.setattr(cohort, "grade", fail)
    code, out, err = call("grade", "toy", course=course)
    assert (code, out) == (3, "")
    assert err.strip() == "autograde: the judge failed: the disk is gone"


def test_a_full_disk_is_one_sentence(course, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device", "/tmp/x")

    monkeypatch.setattr(cohort, "grade", fail)
    code, _, err = call("grade", "toy", course=course)
    assert code == 3
    assert "No space left on device" in err
    assert "Traceback" not in err


def test_an_interrupt_says_that_the_same_command_goes_on(course, monkeypatch):
    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(cohort, "grade", fail)
    code, _, err = call("grade", "toy", course=course)
    assert code == 130
    assert "the same command goes on from here" in err


# --- it ran: 0 ----------------------------------------------------------------------------------------------------------


def test_release_names_what_it_made(course):
    code, out, _ = call("release", course=course)
    assert code == 0
    assert out == f"released {Path('release/toy')} (exercise.ipynb); no hidden text in it\n"


def test_grading_prints_a_json_list_with_an_object_for_each_submission(course, quick):
    toys.hand_in(course, "zoë o'neill", RIGHT)
    roster = course.root / "roster.csv"
    roster.write_text("\ufeffid,name\nada,Ada\nmia,Mia\n", encoding="utf-8")
    toys.hand_in(course, "ada", RIGHT)
    code, out, _ = call("grade", "toy", "--roster", roster, "--format", "json", course=course)
    assert code == 0
    assert [(one["student"], one["status"], len(one["tests"])) for one in json.loads(out)] == [
        ("ada", "graded", 2),
        ("mia", "missing", 2),
        ("zoë o'neill", "graded", 2),
    ]


def test_grading_prints_csv_with_a_row_for_each_test(course, quick):
    toys.hand_in(course, "ada", RIGHT)
    code, out, _ = call("grade", "toy", "--format", "csv", course=course)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [(row["student"], row["test"], row["verdict"]) for row in rows] == [
        ("ada", "test_double", "AC"),
        ("ada", "test_count_memory", "AC"),
    ]


def test_grading_prints_a_table_for_people(course, quick):
    toys.hand_in(course, "ada", RIGHT)
    code, out, _ = call("grade", "toy", course=course)
    assert code == 0
    assert "ada" in out
    assert "2/2" in out


def test_a_wrong_submission_is_no_failure_of_grading(course, monkeypatch):
    toys.hand_in(course, "ada", RIGHT).write_text("not a notebook")
    code, out, _ = call("grade", "toy", "--format", "json", course=course)
    assert code == 0
    assert json.loads(out)[0]["status"] == "unreadable"


def test_a_hostile_name_does_not_colour_the_table(course, quick):
    toys.hand_in(course, "[red]ada [bold]", RIGHT)
    code, out, _ = call("grade", "toy", course=course)
    assert code == 0
    assert "[red]ada [bold]" in out


def test_brackets_in_a_students_line_are_shown_as_they_stand():
    from rich.console import Console

    from autograde.cli_student import _result_table
    from autograde.types import Report, Status, TestResult, Verdict

    message = "Line 3, `kept = planes[index] + a[/b]`"
    result = TestResult("exercise", "test_a", Verdict.MLE, None, None, 13, 7, 0.1, "tree", message)
    console = Console(width=200, file=io.StringIO())
    console.print(_result_table(Report("[bold]", "toy", Status.GRADED, None, "", None, None, (result,)), points=False))
    assert message in console.file.getvalue()
    assert "[bold]" in console.file.getvalue()


def test_report_writes_pages(course, quick):
    toys.hand_in(course, "ada", RIGHT)
    code, out, _ = call("report", "toy", course=course)
    assert code == 0
    page = course.root / "build" / "report" / "toy" / "index.html"
    assert str(page) in out
    assert page.is_file()


# --- check: 0 or 1 --------------------------------------------------------------------------------------------------------

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")


@needs_linux
def test_check_of_a_notebook_that_passes_is_0_in_any_folder(tmp_path):
    path = toys.write(RIGHT, tmp_path / "my notebook é.ipynb")
    code, out, _ = call("check", path, "--format", "json")
    assert code == 0, out
    assert [(row["test"], row["verdict"], row["points"]) for row in json.loads(out)] == [
        ("test_double", "AC", None),
        ("test_count_memory", "AC", None),
    ]


@needs_linux
def test_check_of_a_notebook_that_does_not_pass_is_1_and_says_what_is_wrong(course):
    answers = toys.RIGHT | {"double": toys.WRONG["double"]}
    path = toys.write(toys.answered(toys.source_book(), answers), course.root / "release" / "toy" / "exercise.ipynb")
    code, out, _ = call("check", path)
    assert code == 1
    assert "1 of 2 tests pass." in out
    assert "wrong answer" in out
    code, out, _ = call("check", path, "--format", "csv")
    assert code == 1
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["verdict"] for row in rows] == ["WA", "AC"]
    assert rows[0]["student"] == "exercise.ipynb"


@needs_linux
def test_check_of_a_released_notebook_tells_of_hidden_tests_and_of_stubs(course):
    from autograde.release import release

    path = release(course, "toy") / "exercise.ipynb"
    before = path.read_bytes()
    code, out, _ = call("check", path)
    assert code == 1
    assert "nothing submitted" in out
    assert path.read_bytes() == before


def test_results_go_to_standard_output_and_progress_does_not(course, quick):
    toys.hand_in(course, "ada", RIGHT)
    done = subprocess.run(
        [sys.executable, "-m", "autograde", "data", "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "AUTOGRADE_DATA": str(course.root / "data")},
    )
    assert json.loads(done.stdout) == []
