"""A class is graded to the end, whatever is handed in; stopped anywhere it goes on; marks are right and never invented."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest
import toys
from nbgrader.api import Gradebook

from autograde import cohort, submission
from autograde.cohort import grade
from autograde.course import find_course
from autograde.errors import CourseError, JudgeError
from autograde.journal import append, stored_facts
from autograde.limits import Limits
from autograde.release import release
from autograde.sandbox import choose_sandbox
from autograde.types import Exit, Outcome, Problem, Status, Verdict, to_json, to_jsonable

RIGHT = toys.answered(toys.source_book(), toys.RIGHT)
WRONG = toys.answered(toys.source_book(), toys.WRONG)
HUNGRY = toys.answered(toys.source_book(), toys.RIGHT | {"count": toys.HUNGRY})
STUDENTS = ["ada", "ben wrong", "zoë o'neill", "名前"]


def hand_in_class(course):
    """Right, wrong, hungry and unreadable; `mia` is only on the roster."""
    toys.hand_in(course, "ada", RIGHT)
    toys.hand_in(course, "ben wrong", WRONG)
    toys.hand_in(course, "zoë o'neill", HUNGRY)
    toys.hand_in(course, "名前", RIGHT).write_text("{ not a notebook")


def marks(course, student):
    """(auto score, needs a person) by cell, as nbgrader's gradebook has it; None without a submission."""
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "toy") as book:
        found = {
            grade.cell.name: (grade.auto_score, grade.needs_manual_grade)
            for submission in book.assignment_submissions("toy")
            if submission.student.id == student
            for notebook in submission.notebooks
            for grade in notebook.grades
        }
    return found or None


def invented(job, facts, *, told=lambda outcome: None):
    """Stands in for `run_job`: every test that is asked for passes at once, and is journalled."""
    outcomes = []
    for test in job.only:
        outcomes.append(Outcome(job.name, test, Exit.PASSED))
        append(facts, to_json(outcomes[-1]))
        told(outcomes[-1])
    return outcomes


@pytest.fixture
def counted(monkeypatch):
    """The jobs that were run, which are only invented."""
    jobs = []

    def run(job, facts, **options):
        jobs.append(job)
        return invented(job, facts, **options)

    monkeypatch.setattr(submission, "run_job", run)
    return jobs


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class in graded mode: the course, and what was judged, by student."""
    course = toys.write_course(tmp_path_factory.mktemp("class") / "course", mode="graded")
    release(course, "toy")
    hand_in_class(course)
    told = []
    judged = grade(course, "toy", roster=["mia", "ada"], jobs=2, told=lambda one, total: told.append((one, total)))
    assert sorted(one.report.student for one, _ in told) == sorted([*STUDENTS, "mia"])
    assert {total for _, total in told} == {5}
    return course, {one.report.student: one for one in judged}


# --- a class ----------------------------------------------------------------------------------------------------------


def test_everybody_has_a_report_in_the_order_of_their_names(graded):
    assert list(graded[1]) == ["ada", "ben wrong", "mia", "zoë o'neill", "名前"]


@pytest.mark.parametrize(
    ("student", "status", "verdicts", "score"),
    [
        ("ada", Status.GRADED, [Verdict.AC, Verdict.AC], 7.0),
        ("ben wrong", Status.GRADED, [Verdict.WA, Verdict.WA], 0.0),
        ("zoë o'neill", Status.GRADED, [Verdict.AC, Verdict.MLE], 2.0),
        ("名前", Status.UNREADABLE, [Verdict.NS, Verdict.NS], 0.0),
        ("mia", Status.MISSING, [Verdict.NS, Verdict.NS], 0.0),
    ],
)
def test_the_report_of(graded, student, status, verdicts, score):
    report = graded[1][student].report
    assert report.status is status
    assert [test.verdict for test in report.tests] == verdicts
    assert (report.score, report.max_score) == (score, 7.0)


def test_an_unreadable_notebook_is_told_with_advice(graded):
    report = graded[1]["名前"].report
    assert "exercise.ipynb is not a Jupyter notebook" in report.message
    assert "take a fresh copy" in report.tests[0].message


def test_the_json_of_a_report_has_the_promised_shape(graded):
    report = json.loads(json.dumps(to_jsonable(graded[1]["zoë o'neill"].report)))
    assert list(report) == ["student", "assignment", "status", "sandbox", "message", "score", "max_score", "tests"]
    assert list(report["tests"][1]) == [
        "notebook",
        "test",
        "verdict",
        "points",
        "max_points",
        "peak_bytes",
        "ceiling_bytes",
        "wall_seconds",
        "meter",
        "message",
    ]
    assert report["sandbox"] == choose_sandbox("auto")[0]
    assert report["status"] == "graded"
    hungry = report["tests"][1]
    assert (hungry["notebook"], hungry["test"], hungry["verdict"]) == ("exercise", "test_count_memory", "MLE")
    assert (hungry["points"], hungry["max_points"], hungry["ceiling_bytes"]) == (0.0, 5.0, 16 * 2**20)
    assert hungry["meter"] == "tree"
    assert report["tests"][0]["peak_bytes"] is None


def test_the_gradebook_has_the_points(graded):
    course, _ = graded
    assert marks(course, "ada") == {"test_double": (2.0, False), "test_count_memory": (5.0, False)}
    assert marks(course, "ben wrong") == {"test_double": (0.0, False), "test_count_memory": (0.0, False)}
    assert marks(course, "zoë o'neill") == {"test_double": (2.0, False), "test_count_memory": (0.0, False)}
    assert marks(course, "名前") == {"test_double": (0.0, False), "test_count_memory": (0.0, False)}


def test_whoever_has_handed_in_nothing_has_no_submission_in_the_gradebook(graded):
    assert marks(graded[0], "mia") is None
    with Gradebook(f"sqlite:///{graded[0].root / 'gradebook.db'}", "toy") as book:
        assert book.find_student("mia")


def test_judged_notebooks_show_the_verdicts(graded):
    course, _ = graded
    folder = course.folder("autograded", "zoë o'neill", "toy")
    book = json.loads((folder / "exercise.ipynb").read_text(encoding="utf-8"))
    shown = {cell["metadata"]["nbgrader"]["grade_id"]: cell["outputs"] for cell in book["cells"] if cell.get("outputs")}
    assert shown["test_double"][0]["text"] == ["✓ Accepted.\n"]
    assert shown["test_count_memory"][-1]["ename"] == "memory exceeded"
    assert (course.folder("autograded", "名前", "toy") / "exercise.ipynb").is_file()


def test_grading_again_runs_nothing_and_says_the_same(graded, monkeypatch):
    course, before = graded
    monkeypatch.setattr(submission, "run_job", lambda *args, **kwargs: pytest.fail("this was judged already"))
    again = grade(course, "toy", roster=["mia"])
    assert [one.report for one in again] == [one.report for one in before.values()]


# --- practice -----------------------------------------------------------------------------------------------------------


def test_in_practice_there_are_no_points_and_no_gradebook(course, counted):
    hand_in_class(course)
    judged = {one.report.student: one.report for one in grade(course, "toy", roster=["mia"])}
    assert [judged[student].status for student in (*STUDENTS, "mia")] == [
        Status.GRADED,
        Status.GRADED,
        Status.GRADED,
        Status.UNREADABLE,
        Status.MISSING,
    ]
    for report in judged.values():
        assert (report.score, report.max_score) == (None, None)
        assert all(test.points is None and test.max_points is None for test in report.tests)
    assert not (course.root / "gradebook.db").exists()
    assert len(counted) == 3


def test_only_the_students_that_are_named_are_graded(course, counted):
    hand_in_class(course)
    judged = grade(course, "toy", students=["zoë o'neill"])
    assert [one.report.student for one in judged] == ["zoë o'neill"]


def test_two_classes_may_be_graded_at_once_and_no_port_is_open_to_the_network(course, counted, monkeypatch):
    toys.hand_in(course, "ada", RIGHT)
    listening = []

    def look(*args, **kwargs):
        listening.extend(c.laddr.ip for c in psutil.Process().net_connections("tcp") if c.status == psutil.CONN_LISTEN)
        return invented(*args, **kwargs)

    monkeypatch.setattr(submission, "run_job", look)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody else has dask's usual port: just as well
            other.bind(("0.0.0.0", 8787))
        grade(course, "toy")
    assert set(listening) <= {"127.0.0.1"}


def test_an_unknown_student_is_refused_with_those_that_there_are(course):
    toys.hand_in(course, "ada", RIGHT)
    with pytest.raises(CourseError, match="no submission of eve for toy; there is ada"):
        grade(course, "toy", students=["eve"])


def test_a_class_without_any_submission_is_refused_with_where_they_are_expected(course):
    with pytest.raises(CourseError, match=r"nobody has handed in toy: expected notebooks in .*submitted/<student>/toy"):
        grade(course, "toy")


def test_an_unknown_assignment_is_refused(course):
    with pytest.raises(CourseError, match="no assignment 'tyo'"):
        grade(course, "tyo")


def test_a_notebook_of_two_that_is_missing_costs_that_one_alone(tmp_path, counted):
    course = toys.write_course(tmp_path / "course", {"one": toys.source_book(), "two": toys.source_book()})
    toys.hand_in(course, "ada", RIGHT, notebook="one")
    toys.hand_in(course, "ada", RIGHT, notebook="three")
    (judged,) = grade(course, "toy")
    assert [(test.notebook, test.verdict) for test in judged.report.tests] == [
        ("one", Verdict.AC),
        ("one", Verdict.AC),
        ("two", Verdict.NS),
        ("two", Verdict.NS),
    ]
    assert judged.report.message == (
        "The notebook two.ipynb was not handed in. three.ipynb was not looked at: one.ipynb counts."
    )
    assert judged.report.status is Status.GRADED


# --- the journal --------------------------------------------------------------------------------------------------------


def journals(course):
    found = (course.root / "build" / "facts" / "toy").glob("*.jsonl")
    return sorted(path for path in found if path.name != "results.jsonl")


def test_a_changed_submission_is_judged_again_and_an_unchanged_one_is_not(course, counted):
    toys.hand_in(course, "ada", RIGHT)
    toys.hand_in(course, "ben", RIGHT)
    grade(course, "toy")
    assert len(counted) == 2
    toys.hand_in(course, "ben", WRONG)
    grade(course, "toy")
    assert len(counted) == 3
    grade(course, "toy")
    assert len(counted) == 3


def test_a_change_that_the_judge_does_not_see_is_no_change(course, counted):
    toys.hand_in(course, "ada", RIGHT)
    grade(course, "toy")
    other = toys.answered(RIGHT, {"test_double": "edited, and not used"})
    other.cells[1].outputs = []
    other.metadata["note"] = "saved again"
    toys.hand_in(course, "ada", other)
    grade(course, "toy")
    assert len(counted) == 1


def test_a_changed_setting_or_source_is_judged_again(course, counted):
    toys.hand_in(course, "ada", RIGHT)
    grade(course, "toy")
    grade(replace(course, settings=replace(course.settings, ceiling_scale=2.0)), "toy")
    assert len(counted) == 2
    source = toys.answered(toys.source_book(), {"test_double": "assert double(4) == 8"})
    toys.write(source, course.root / "source" / "toy" / "exercise.ipynb")
    grade(course, "toy")
    assert len(counted) == 3


def test_two_students_with_the_same_answers_have_journals_of_their_own(course, counted):
    toys.hand_in(course, "ada", RIGHT)
    toys.hand_in(course, "ben", RIGHT)
    grade(course, "toy")
    assert len(journals(course)) == 2


def test_again_forgets_what_is_known_and_draws_new_hidden_data(course, counted):
    toys.hand_in(course, "ada", RIGHT)
    grade(course, "toy")
    grade(course, "toy", again=True)
    first, second = counted
    assert first.seed != second.seed


def test_the_hidden_data_of_a_run_is_the_same_for_everybody(course, counted):
    for student in ("ada", "ben", "cho"):
        toys.hand_in(course, student, RIGHT)
    grade(course, "toy")
    assert len({job.seed for job in counted}) == 1


@pytest.mark.parametrize("tail", ['{"notebook": "exercise", "te', "\n", "[]\n", "\x00\x00\x00"])
def test_a_half_written_line_of_a_journal_is_left_out(tmp_path, tail):
    whole = Outcome("exercise", "test_double", Exit.PASSED)
    (tmp_path / "j.jsonl").write_text(to_json(whole) + "\n" + tail)
    assert stored_facts(tmp_path / "j.jsonl") == [whole]


def test_a_line_cut_inside_a_letter_is_left_out(tmp_path):
    whole = Outcome("exercise", "test_double", Exit.PASSED, output="naïve ☃")
    line = to_json(whole).encode()
    (tmp_path / "j.jsonl").write_bytes(line + b"\n" + line[: line.index("☃".encode()) + 1])
    assert stored_facts(tmp_path / "j.jsonl") == [whole]


def test_a_text_with_line_separators_is_one_line_of_a_journal(tmp_path):
    whole = Outcome("exercise", "test_double", Exit.RAISED, Problem("E", "a\u2028b\x85c\x0cd", True))
    (tmp_path / "j.jsonl").write_text(to_json(whole) + "\n", encoding="utf-8")
    assert stored_facts(tmp_path / "j.jsonl") == [whole]


def test_after_a_half_written_line_the_rest_is_judged_and_nothing_is_lost(course, counted):
    toys.hand_in(course, "ada", RIGHT)
    (before,) = grade(course, "toy")
    (journal,) = journals(course)
    first, second = journal.read_text().splitlines()
    journal.write_text(first + "\n" + second[: len(second) // 2])
    (after,) = grade(course, "toy")
    assert counted[1].only == ("test_count_memory",)
    assert after.report == before.report
    grade(course, "toy")
    assert len(counted) == 2  # what was written after the half line can be read


GRADES = """\
import sys
from pathlib import Path
from autograde.cohort import grade
from autograde.course import find_course
grade(find_course(Path(sys.argv[1])), "toy", jobs=1, sandbox="process")  # its answers write outside
"""

#: Counts its own calls in a file, and hangs while the file `hang` is there.
COUNTS = """\
def {name}(*args):
    import time
    from pathlib import Path
    with open({calls!r}, "a") as file:
        file.write("{name}\\n")
    while Path({hang!r}).exists():
        time.sleep(0.02)
    {body}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_killed_in_the_middle_grading_goes_on_and_finished_tests_do_not_run_again(graded_course, tmp_path):
    course = graded_course
    release(course, "toy")
    calls, hang = tmp_path / "calls", tmp_path / "hang"
    answers = {
        "double": COUNTS.format(
            name="double", calls=str(calls), hang=str(tmp_path / "never"), body="return 2 * args[0]"
        ),
        "count": COUNTS.format(name="count", calls=str(calls), hang=str(hang), body="return args[0] * MIB"),
    }
    toys.hand_in(course, "ada", toys.answered(toys.source_book(), answers))
    hang.touch()
    grading = subprocess.Popen([sys.executable, "-c", GRADES, str(course.root)])

    def has_counted():
        assert grading.poll() is None
        return calls.exists() and "count" in calls.read_text()

    toys.wait_until(has_counted, seconds=120)
    grading.send_signal(signal.SIGKILL)
    grading.wait()
    hang.unlink()
    (journal,) = journals(course)
    assert len(journal.read_text().splitlines()) == 1
    before = calls.read_text().count("double")
    (judged,) = grade(course, "toy", sandbox="process")
    assert calls.read_text().count("double") == before
    lines = journal.read_text().splitlines()
    assert [json.loads(line)["test"] for line in lines] == ["test_double", "test_count_memory"]
    assert [test.verdict for test in judged.report.tests] == [Verdict.AC, Verdict.AC]
    assert marks(course, "ada") == {"test_double": (2.0, False), "test_count_memory": (5.0, False)}


# --- when the judge fails -----------------------------------------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch):
    """A judge that fails for `ben`; the number of times that it was asked for him."""
    asked = []

    def run(job, facts, **options):
        if "/ben/" in job.submission:
            asked.append(job)
            raise JudgeError("no space left on device")
        return invented(job, facts, **options)

    monkeypatch.setattr(submission, "run_job", run)
    return asked


def test_a_judge_error_is_retried_once_and_then_left_for_a_person_without_points(graded_course, failing):
    release(graded_course, "toy")
    toys.hand_in(graded_course, "ada", RIGHT)
    toys.hand_in(graded_course, "ben", RIGHT)
    ada, ben = (one.report for one in grade(graded_course, "toy"))
    assert len(failing) == 2
    assert ada.status is Status.GRADED
    assert ben.status is Status.JUDGE_ERROR
    assert [(test.verdict, test.points, test.max_points) for test in ben.tests] == [
        (Verdict.JE, None, 2.0),
        (Verdict.JE, None, 5.0),
    ]
    assert "no space left on device" in ben.message
    assert marks(graded_course, "ben") == {"test_double": (None, True), "test_count_memory": (None, True)}
    assert marks(graded_course, "ada") == {"test_double": (2.0, False), "test_count_memory": (5.0, False)}


def test_a_judge_error_is_not_remembered(course, failing, monkeypatch):
    toys.hand_in(course, "ben", RIGHT)
    assert grade(course, "toy")[0].report.status is Status.JUDGE_ERROR
    monkeypatch.setattr(submission, "run_job", invented)
    assert grade(course, "toy")[0].report.status is Status.GRADED


def test_what_was_judged_before_the_judge_failed_stands(course, monkeypatch):
    def run(job, facts, **options):
        if "test_double" in job.only:
            invented(replace(job, only=("test_double",)), facts, **options)
        raise JudgeError("half way")

    monkeypatch.setattr(submission, "run_job", run)
    toys.hand_in(course, "ada", RIGHT)
    (judged,) = grade(course, "toy")
    assert [test.verdict for test in judged.report.tests] == [Verdict.AC, Verdict.JE]


def test_a_judge_that_ends_without_a_result_is_a_judge_error_and_not_zero_points(course, monkeypatch):
    monkeypatch.setattr(submission, "run_job", lambda job, facts, **options: [])
    toys.hand_in(course, "ada", RIGHT)
    (judged,) = grade(course, "toy")
    assert {test.verdict for test in judged.report.tests} == {Verdict.JE}
    assert "the judge ended without a result" in judged.report.message


def test_broken_course_material_stops_with_the_authors_error(course, monkeypatch):
    def run(job, facts, **options):
        raise CourseError("the set-up cell fails")

    monkeypatch.setattr(submission, "run_job", run)
    toys.hand_in(course, "ada", RIGHT)
    with pytest.raises(CourseError, match="the set-up cell fails"):
        grade(course, "toy")


# --- a person -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_essay(tmp_path):
    book = toys.source_book()
    book.cells.append(toys.essay("thoughts", "write here", points=3))
    course = toys.write_course(tmp_path / "course", {"exercise": book}, mode="graded")
    release(course, "toy")
    toys.hand_in(course, "ada", toys.answered(book, toys.RIGHT | {"thoughts": "I think"}))
    return course


def test_what_a_person_grades_waits_and_the_status_says_so(with_essay, counted):
    (judged,) = grade(with_essay, "toy")
    assert judged.report.status is Status.MANUAL
    assert judged.manual == (("exercise", "thoughts"),)
    assert marks(with_essay, "ada")["thoughts"][1]


def test_in_practice_nobody_waits_for_a_person(tmp_path, counted):
    book = toys.source_book()
    book.cells.append(toys.essay("thoughts", "write here", points=3))
    course = toys.write_course(tmp_path / "practice", {"exercise": book})
    toys.hand_in(course, "ada", toys.answered(book, toys.RIGHT))
    (judged,) = grade(course, "toy")
    assert judged.report.status is Status.GRADED


def test_marks_given_by_hand_survive_grading_again(with_essay, counted):
    grade(with_essay, "toy")
    with Gradebook(f"sqlite:///{with_essay.root / 'gradebook.db'}", "toy") as book:
        book.find_grade("thoughts", "exercise", "toy", "ada").manual_score = 2.5
        book.find_grade("test_double", "exercise", "toy", "ada").manual_score = 1.5
        book.db.commit()
    grade(with_essay, "toy", again=True)
    with Gradebook(f"sqlite:///{with_essay.root / 'gradebook.db'}", "toy") as book:
        assert book.find_grade("thoughts", "exercise", "toy", "ada").manual_score == 2.5
        assert book.find_grade("test_double", "exercise", "toy", "ada").manual_score == 1.5
        assert book.find_submission("toy", "ada").score == 9.0  # 1.5 + 5 + 2.5


def test_grading_before_the_release_says_to_release_first(graded_course, counted):
    toys.hand_in(graded_course, "ada", RIGHT)
    with pytest.raises(CourseError, match=r"toy is not in the gradebook yet: run `autograde release toy` first"):
        grade(graded_course, "toy")


def test_the_number_of_jobs_is_at_least_one_whatever_the_machine_has(monkeypatch):
    free = [0]
    monkeypatch.setattr(cohort.machine, "available_bytes", lambda: free[0])
    monkeypatch.setattr(cohort.machine, "cores", lambda: 32)
    assert cohort.jobs_at_once(Limits()) == 1
    free[0] = 9 * 2**30
    assert cohort.jobs_at_once(Limits()) == 4
    assert cohort.jobs_at_once(Limits(memory_bytes=2**30)) == 8
    monkeypatch.setattr(cohort.machine, "cores", lambda: 1)
    assert cohort.jobs_at_once(Limits()) == 1


def test_a_course_can_be_sent_to_a_worker(course):
    import pickle

    assert pickle.loads(pickle.dumps(course)).root == find_course(course.root).root
