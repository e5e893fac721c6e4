"""A whole class: nothing is lost or done twice, marks are as nbgrader has them, and odd names and files hurt nobody."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import crashes
import psutil
import pytest
import toys
from distributed import Client
from nbgrader.api import Gradebook

from autograde import cohort, marks, submission
from autograde.cohort import grade
from autograde.course import find_course
from autograde.errors import CourseError, StorageError
from autograde.journal import append, changes, digest, only_one, stored_facts, write_whole
from autograde.limits import Limits
from autograde.marks import final_marks
from autograde.release import release
from autograde.types import Exit, Outcome, Problem, Status, Verdict, to_json

RIGHT = toys.answered(toys.source_book(), toys.RIGHT)


def gradebook(course, url=None):
    return Gradebook(url or f"sqlite:///{course.root / 'gradebook.db'}", "toy")


@pytest.fixture
def judged_by_stubs(monkeypatch):
    """Every test passes, or fails for students named in it; counts (student, test)."""
    asked = Counter()
    wrong = set()

    def run(job, facts, **options):
        for test in job.only:
            student = Path(job.submission).parts[-3]
            asked[student, test] += 1
            problem = Problem("AssertionError", "no", False) if student in wrong else None
            append(facts, to_json(Outcome(job.name, test, Exit.RAISED if problem else Exit.PASSED, problem)))

    monkeypatch.setattr(submission, "run_job", run)
    asked.wrong = wrong
    return asked


@pytest.fixture(scope="module")
def released_once(tmp_path_factory):
    """nbgrader takes seconds for a release; a copy does as well."""
    course = toys.write_course(tmp_path_factory.mktemp("released") / "course", mode="graded")
    release(course, "toy")
    return course


@pytest.fixture
def released(released_once, tmp_path):
    return find_course(shutil.copytree(released_once.root, tmp_path / "course"))


# --- a new gradebook ---------------------------------------------------------------------------------------------------


def test_a_new_gradebook_is_as_nbgrader_makes_it_and_needs_no_program(tmp_path, monkeypatch):
    with Gradebook(f"sqlite:///{tmp_path / 'theirs.db'}"):
        pass
    monkeypatch.setenv("PATH", "")  # no `alembic` there
    with marks._Book(f"sqlite:///{tmp_path / 'ours.db'}", "toy"):
        pass
    told = []
    for name in ("theirs.db", "ours.db"):
        with closing(sqlite3.connect(tmp_path / name)) as database:
            version = database.execute("SELECT version_num FROM alembic_version").fetchall()
            columns = database.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        told.append((version, {name for name, _ in columns}))
    assert told[0] == told[1]
    assert len(told[0][0]) == 1


def test_many_may_begin_a_gradebook_at_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    with ThreadPoolExecutor(8) as pool:
        for one in [pool.submit(marks.begin_gradebook, url) for _ in range(8)]:
            one.result()
    marks.begin_gradebook(url)
    with closing(sqlite3.connect(tmp_path / "gradebook.db")) as database:
        assert len(database.execute("SELECT * FROM alembic_version").fetchall()) == 1


# --- killed anywhere --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_killed_at_any_point_nothing_is_lost_and_nothing_is_done_twice():
    """In a process of its own, because it forks."""
    program = [sys.executable, "-W", "ignore", crashes.__file__]
    done = subprocess.run(program, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 1 + len(crashes.points_of_failure(Path()))


def test_a_disk_that_is_full_stops_the_class_and_says_what_to_do(tmp_path):
    with pytest.raises(
        StorageError, match=r"/dev/full cannot be written: No space left on device.*run the same command"
    ):
        append(Path("/dev/full"), "a fact")


def test_a_whole_file_is_the_old_or_the_new_and_leaves_nothing_beside(tmp_path, monkeypatch):
    write_whole(tmp_path / "a", "old")
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StorageError):
        write_whole(tmp_path / "a", "new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_a_class_is_graded_by_one_at_a_time(course, judged_by_stubs):
    toys.hand_in(course, "ada", RIGHT)
    with (
        only_one(course.build("facts", "toy", "lock"), "a grading of toy"),
        pytest.raises(CourseError, match=f"a grading of toy is going on already, in process {os.getpid()}"),
    ):
        grade(course, "toy")
    assert len(grade(course, "toy")) == 1


# --- only what changed ------------------------------------------------------------------------------------------------


def test_whose_marks_changed_is_told(released, judged_by_stubs):
    for student in ("ada", "ben"):
        toys.hand_in(released, student, RIGHT)
    assert not any(one.changes for one in grade(released, "toy"))
    judged_by_stubs.wrong.add("ben")
    ada, ben = grade(released, "toy", again=True)
    assert ada.changes == ()
    assert [str(change) for change in ben.changes] == [
        "ben: exercise/test_double: accepted, 2 points -> wrong answer, 0 points",
        "ben: exercise/test_count_memory: accepted, 5 points -> wrong answer, 0 points",
    ]
    assert not any(one.changes for one in grade(released, "toy"))


def test_a_test_that_is_new_or_gone_is_a_change(released, judged_by_stubs):
    toys.hand_in(released, "ada", RIGHT)
    (ada,) = (one.report for one in grade(released, "toy"))
    fewer = replace(ada, tests=ada.tests[:1])
    assert [change.after for change in changes(ada, fewer)] == ["not there"]
    assert [change.before for change in changes(fewer, ada)] == ["not there"]


def test_results_carry_the_hashes_of_submission_source_and_grader(released, judged_by_stubs):
    path = toys.hand_in(released, "ada", RIGHT)
    grade(released, "toy")
    ledger = released.build("facts", "toy", "results.jsonl")
    (first,) = map(json.loads, ledger.read_text().splitlines())
    assert list(first["submissions"]) == list(first["sources"]) == ["exercise"]
    assert len(first["grader"]) == len(first["sources"]["exercise"]) == len(digest()) == 64
    toys.write(toys.answered(RIGHT, {"double": "double = None"}), path)
    grade(released, "toy")
    second = json.loads(ledger.read_text().splitlines()[1])
    assert second["submissions"] != first["submissions"]
    assert (second["sources"], second["grader"]) == (first["sources"], first["grader"])
    grade(released, "toy")
    assert len(ledger.read_text().splitlines()) == 2


def test_a_file_beside_the_notebook_is_part_of_the_source(course, judged_by_stubs):
    toys.hand_in(course, "ada", RIGHT)
    helper = course.root / "source" / "toy" / "helper.py"
    helper.write_text("a = 1")
    grade(course, "toy")
    helper.write_text("a = 2")
    grade(course, "toy")
    assert judged_by_stubs["ada", "test_double"] == 2


def test_a_clock_that_is_wrong_changes_nothing(course, judged_by_stubs, monkeypatch):
    paths = [toys.hand_in(course, student, RIGHT) for student in ("ada", "ben")]
    source = course.root / "source" / "toy" / "exercise.ipynb"
    grade(course, "toy")
    os.utime(paths[0], (0, 0))
    os.utime(paths[1], (4e9, 4e9))
    os.utime(source, (0, 0))
    grade(course, "toy")
    assert set(judged_by_stubs.values()) == {1}

    import distributed.scheduler

    real, began = distributed.scheduler.time, time.monotonic()
    monkeypatch.setattr(distributed.scheduler, "time", lambda: real() + 1e6 * (time.monotonic() - began))
    assert [one.report.status for one in grade(course, "toy", again=True)] == [Status.GRADED] * 2


# --- marks as nbgrader has them ---------------------------------------------------------------------------------------


@pytest.fixture
def with_everything(tmp_path):
    """Tests, one of them with partial credit; an essay, code for a person, a task; late submissions get nothing."""
    book = toys.source_book()
    book.cells += [
        toys.test("test_partly", "sum(double(n) == 2 * n for n in (1, 3)) * 2", 4),
        toys.essay("thoughts", "write here", points=3),
        toys.cell("free", "### BEGIN SOLUTION\n1\n### END SOLUTION", points=2, grade=True, solution=True),
        toys.cell("task", "Make a plot below.", points=1, locked=True, task=True, kind="markdown"),
    ]
    more = 'c.LateSubmissionPlugin.penalty_method = "zero"'
    course = toys.write_course(tmp_path / "course", {"exercise": book}, mode="graded", more=more)
    release(course, "toy")
    answers = {"double": "def double(x):\n    return x + 3", "thoughts": "I think", "free": "2"}
    toys.hand_in(course, "ada", toys.answered(book, toys.RIGHT | answers))
    nothing = {"thoughts": "YOUR ANSWER HERE", "free": "# YOUR CODE HERE\nraise NotImplementedError()"}
    toys.hand_in(course, "ben", toys.answered(book, toys.RIGHT | nothing))
    return course


def grades(course, student):
    """(auto, manual, extra, needs a person) by cell."""
    with gradebook(course) as book:
        return {
            one.cell.name: (one.auto_score, one.manual_score, one.extra_credit, one.needs_manual_grade)
            for notebook in book.find_submission("toy", student).notebooks
            for one in notebook.grades
        }


def test_partial_credit_manual_cells_tasks_and_late_penalties_are_as_nbgrader_has_them(with_everything):
    course = with_everything
    with gradebook(course) as book:
        book.update_or_create_assignment("toy", duedate=datetime(2026, 1, 1))
    (course.submitted("ben", "toy") / "timestamp.txt").write_text("2026-01-02 10:00:00.000000 UTC")
    (course.submitted("ada", "toy") / "timestamp.txt").write_text("2025-12-31 10:00:00.000000 UTC")
    ada, ben = grade(course, "toy", jobs=2)
    partly = ada.report.tests[2]
    assert (partly.test, partly.verdict, partly.points, partly.max_points) == ("test_partly", Verdict.WA, 2.0, 4.0)
    assert "Partly right: the test gives 50 % of its points" in partly.message
    assert ben.report.tests[2].points == 4.0
    assert {name: grades(course, "ada")[name][::3] for name in ("thoughts", "free", "task", "test_partly")} == {
        "thoughts": (None, True),
        "free": (None, True),
        "task": (None, True),
        "test_partly": (2.0, False),
    }
    assert {name: grades(course, "ben")[name][::3] for name in ("thoughts", "free", "task")} == {
        "thoughts": (0.0, False),
        "free": (0.0, False),
        "task": (None, True),
    }
    final = final_marks(course, "toy")
    assert (final["ada"].score, final["ada"].late_penalty) == (7.0, 0.0)
    assert (final["ben"].score, final["ben"].late_penalty) == (0.0, 11.0)
    assert final["ada"].max_score == 17.0
    with gradebook(course) as book:
        assert book.find_comment("free", "exercise", "toy", "ben").auto_comment == "No response."
        assert book.find_comment("free", "exercise", "toy", "ada").auto_comment is None
    assert (course.folder("autograded", "ben", "toy") / "timestamp.txt").exists()  # feedback is released by it


def test_marks_by_hand_and_extra_credit_survive_and_are_flagged_only_when_ours_change(released, judged_by_stubs):
    toys.hand_in(released, "ada", RIGHT)
    grade(released, "toy")
    with gradebook(released) as book:
        grade_of = book.find_grade("test_double", "exercise", "toy", "ada")
        grade_of.manual_score, grade_of.extra_credit = 1.5, 0.25
        book.db.commit()
    grade(released, "toy")
    assert grades(released, "ada")["test_double"] == (2.0, 1.5, 0.25, False)
    judged_by_stubs.wrong.add("ada")
    grade(released, "toy", again=True)
    assert grades(released, "ada")["test_double"] == (0.0, 1.5, 0.25, True)
    assert final_marks(released, "toy")["ada"].score == 1.75


def test_a_time_of_submission_that_is_none_is_said_and_costs_nothing(released, judged_by_stubs):
    toys.hand_in(released, "ada", RIGHT)
    (released.submitted("ada", "toy") / "timestamp.txt").write_text("yesterday, I think")
    (ada,) = grade(released, "toy")
    assert "timestamp.txt does not hold a time" in ada.report.message
    assert ada.report.score == 7.0


def test_each_notebook_keeps_its_marks_when_nbgrader_judges_one_after_the_other(tmp_path):
    settings = (
        (Path(__file__).parents[1] / "nbgrader_config.py").read_text(encoding="utf-8").partition("# `nbgrader")[2]
    )
    source = toys.book(
        toys.setup(toys.SETUP), toys.solution("double", toys.DOUBLE), toys.test("test_double", toys.TEST_DOUBLE, 2)
    )
    books = {"one": source, "two": source}
    course = toys.write_course(tmp_path / "course", books, mode="graded", more="# " + settings)
    release(course, "toy")
    for name in books:
        toys.hand_in(course, "ada", toys.answered(source, toys.RIGHT), notebook=name)
    command = [sys.executable, "-m", "nbgrader", "autograde", "toy"]
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert final_marks(course, "toy")["ada"].score == 4.0


# --- a gradebook that is not at hand ----------------------------------------------------------------------------------


def test_a_gradebook_that_is_locked_for_a_while_holds_up_nobody(released, judged_by_stubs, monkeypatch):
    monkeypatch.setattr(marks, "_WAIT_SECONDS", 0.05)
    for student in ("ada", "ben", "cho"):
        toys.hand_in(released, student, RIGHT)
    other = sqlite3.connect(released.root / "gradebook.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")  # as the formgrader does while it saves
    told = []

    def release_lock(one, total):
        told.append(one.report.student)
        if len(told) == 3:
            threading.Timer(0.3, lambda: other.execute("COMMIT")).start()

    assert len(grade(released, "toy", told=release_lock)) == 3
    other.close()
    assert {student: mark.score for student, mark in final_marks(released, "toy").items()} == dict.fromkeys(told, 7.0)


def test_a_gradebook_that_goes_away_is_named_and_the_next_run_writes_what_was_found(
    released, judged_by_stubs, monkeypatch
):
    monkeypatch.setattr(marks, "_PATIENCE_SECONDS", 0.3)
    toys.hand_in(released, "ada", RIGHT)
    toys.hand_in(released, "ben", RIGHT)
    database = released.root / "gradebook.db"
    away = database.with_name("away.db")

    def go_away(one, total):
        if database.is_file():
            database.rename(away)
            database.mkdir()

    with pytest.raises(StorageError, match=r"gradebook.db does not take the marks of 1 submissions \(\w+\): .*again"):
        grade(released, "toy", jobs=1, told=go_away)
    database.rmdir()
    away.rename(database)
    grade(released, "toy")
    assert {mark.score for mark in final_marks(released, "toy").values()} == {7.0}
    assert set(judged_by_stubs.values()) == {1}


def test_any_address_of_a_database_that_nbgrader_takes_will_do(tmp_path, judged_by_stubs):
    (tmp_path / "elsewhere").mkdir()
    url = f"sqlite:///{tmp_path / 'elsewhere' / 'marks of 2026.db'}"
    course = toys.write_course(tmp_path / "course", mode="graded", more=f"c.CourseDirectory.db_url = {url!r}")
    release(course, "toy")
    toys.hand_in(course, "ada", RIGHT)
    grade(course, "toy")
    assert final_marks(course, "toy")["ada"].score == 7.0
    assert not (course.root / "gradebook.db").exists()


@pytest.mark.parametrize("url", ["nosuch://user:secret@host/db", "no address"])
def test_an_address_that_is_none_is_refused_before_anything_is_judged(tmp_path, judged_by_stubs, url):
    course = toys.write_course(tmp_path / "course", mode="graded", more=f"c.CourseDirectory.db_url = {url!r}")
    toys.hand_in(course, "ada", RIGHT)
    with pytest.raises(CourseError, match=r"db_url is .*, which cannot be used here") as caught:
        grade(course, "toy")
    assert "secret" not in str(caught.value)
    assert not judged_by_stubs


# --- odd names and files ----------------------------------------------------------------------------------------------

ODD = ["o'neill, zoë", 'say "hi"', "名前", "a;b&c=d", "=1+1", "x" * 100, "per%cent {brace}", "e\u0301l"]


def test_students_may_be_called_anything_that_a_folder_can_be(released, judged_by_stubs):
    for student in ODD:
        toys.hand_in(released, student, RIGHT)
    judged = grade(released, "toy", roster=["\u00e9l"])
    assert [one.report.student for one in judged] == sorted(ODD)  # é in one sign or two is the same person
    assert {student: mark.score for student, mark in final_marks(released, "toy").items()} == dict.fromkeys(ODD, 7.0)
    assert not any(one.changes for one in grade(released, "toy"))
    assert set(judged_by_stubs.values()) == {1}


def test_a_renamed_notebook_is_found_by_its_cells(course, judged_by_stubs):
    toys.hand_in(course, "ada", RIGHT, notebook="exercise (1)")
    toys.hand_in(course, "cho", RIGHT)
    toys.hand_in(course, "cho", RIGHT, notebook="exercise-old")
    ada, cho = (one.report for one in grade(course, "toy"))
    assert {test.verdict for test in ada.tests} == {Verdict.AC}
    assert ada.message == "exercise (1).ipynb was taken for exercise.ipynb."
    assert {test.verdict for test in cho.tests} == {Verdict.AC}
    assert cho.message == "exercise-old.ipynb was not looked at: exercise.ipynb counts."


def test_two_notebooks_that_could_be_the_one_are_named(course, judged_by_stubs):
    toys.hand_in(course, "ben", RIGHT, notebook="mine")
    toys.hand_in(course, "ben", RIGHT, notebook="mine-final")
    (ben,) = (one.report for one in grade(course, "toy"))
    assert ben.status is Status.UNREADABLE
    assert "There is no exercise.ipynb, and mine-final.ipynb and mine.ipynb could be it" in ben.message


def test_work_for_an_assignment_that_does_not_exist_is_pointed_at(course, judged_by_stubs):
    toys.hand_in(course, "ada", RIGHT)
    toys.hand_in(course, "ada", RIGHT, assignment="toy-2")
    assert cohort.strays(course) == [course.root / "submitted" / "ada" / "toy-2"]


def test_whatever_goes_wrong_with_one_submission_costs_nobody_else_anything(released, judged_by_stubs, monkeypatch):
    real = submission.merge

    def merge(source, submitted):
        if "boom" in submitted.metadata:
            raise AttributeError("nobody thought of this")
        return real(source, submitted)

    monkeypatch.setattr(submission, "merge", merge)
    odd = toys.answered(RIGHT, {})
    odd.metadata["boom"] = True
    toys.hand_in(released, "ada", RIGHT)
    toys.hand_in(released, "ben", odd)
    ada, ben = (one.report for one in grade(released, "toy"))
    assert ada.status is Status.GRADED
    assert (ben.status, ben.score) == (Status.JUDGE_ERROR, 0.0)
    assert "nobody thought of this" in ben.message
    assert [row[::3] for row in grades(released, "ben").values()] == [(None, True), (None, True)]


# --- more machines ----------------------------------------------------------------------------------------------------


@pytest.fixture
def scheduler(tmp_path):
    """A scheduler and two workers with one thread each, as processes: (address, {pid of a worker})."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    file = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen([*command, "--no-dashboard", "--scheduler-file", str(file)], **quiet)]
    toys.wait_until(file.exists)
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1"]
    worker += ["--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path)]
    processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
    address = json.loads(file.read_text())["address"]
    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
    yield address, processes[1:]
    for process in reversed(processes):
        process.kill()  # asked to end, a worker first waits for what it is doing
    for process in processes:
        process.wait(20)


SLOWLY = """\
def double(values):
    import time
    from pathlib import Path
    with open({calls!r}, "a") as file:
        file.write("double\\n")
    end = time.monotonic() + 60
    while not Path({go!r}).exists() and time.monotonic() < end:
        time.sleep(0.02)
    return 2 * values
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_of_two_workers_one_is_killed_and_nothing_is_lost(released, tmp_path, scheduler, monkeypatch):
    address, workers = scheduler
    monkeypatch.setattr(cohort, "jobs_at_once", lambda limits: 2)
    go = tmp_path / "go"
    for student in ("ada", "ben", "cho"):
        answer = SLOWLY.format(calls=str(tmp_path / student), go=str(go))
        toys.hand_in(released, student, toys.answered(toys.source_book(), toys.RIGHT | {"double": answer}))

    def children(worker):
        return psutil.Process(worker.pid).children()

    warm = []

    def kill_one():
        end = time.monotonic() + 120
        while sum((tmp_path / student).exists() for student in ("ada", "ben", "cho")) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        warm.extend(sum("autograde.jobs" in child.cmdline() for child in children(worker)) for worker in workers)
        workers[0].send_signal(signal.SIGKILL)
        workers[0].wait()
        go.touch()

    killer = threading.Thread(target=kill_one)
    killer.start()
    judged = grade(released, "toy", scheduler=address, sandbox="process")  # in bubblewrap they could not tell us
    killer.join()
    assert workers[0].returncode == -signal.SIGKILL
    assert warm == [1, 1]  # each forks its judges from a warm process, which goes when the class is done
    assert children(workers[1]) == []
    assert [(one.report.student, one.report.score) for one in judged] == [("ada", 7.0), ("ben", 7.0), ("cho", 7.0)]
    assert {student: mark.score for student, mark in final_marks(released, "toy").items()} == {
        "ada": 7.0,
        "ben": 7.0,
        "cho": 7.0,
    }
    facts = released.build("facts", "toy").glob("*.jsonl")
    known = [[one.test for one in stored_facts(path)] for path in facts if path.name != "results.jsonl"]
    assert sorted(map(sorted, known)) == [["test_count_memory", "test_double"]] * 3


def test_workers_that_could_not_judge_are_refused(course, scheduler, monkeypatch):
    address, _ = scheduler
    toys.hand_in(course, "ada", RIGHT)
    place = cohort._workplace(course.root, "toy", "process", Limits())
    for broken, words in (
        (replace(place, sources=None), "does not see the course"),
        (replace(place, sources="other"), "sees another version of toy"),
        (replace(place, grader="other"), "has another version of autograde"),
        (replace(place, sandbox=None), "cannot have the auto sandbox"),
        (replace(place, jobs=1), "have 2 threads, its cores and memory are enough for 1 submissions at once"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr("distributed.Client.run", lambda *args, told=broken: {"tcp://1": told, "tcp://2": told})
            patch.setattr("distributed.Client.wait_for_workers", lambda *args, **kwargs: None)
            patch.setattr("distributed.Client.nthreads", lambda *args: {"tcp://1": 1, "tcp://2": 1})
            with pytest.raises(CourseError, match=words):
                grade(course, "toy", scheduler=address)


def test_a_scheduler_that_does_not_answer_is_named(course, monkeypatch):
    toys.hand_in(course, "ada", RIGHT)
    monkeypatch.setattr(cohort, "_CONNECT_SECONDS", 0.5)
    with pytest.raises(CourseError, match=r"no dask scheduler answers at tcp://127.0.0.1:9"):
        grade(course, "toy", scheduler="tcp://127.0.0.1:9")


def test_the_memory_of_the_grading_process_does_not_grow_with_the_class(course, judged_by_stubs):
    """A result is some kilobytes; facts, which may be megabytes with their charts, stay on disk."""
    long = "x" * 1_000_000

    def run(job, facts, **options):
        for test in job.only:
            append(facts, to_json(Outcome(job.name, test, Exit.PASSED, output=long)))

    for number in range(30):
        toys.hand_in(course, f"s{number}", RIGHT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submission, "run_job", run)
        held = []
        grade(course, "toy", told=lambda one, total: held.append(psutil.Process().memory_info().rss))
    assert held[-1] - held[9] < 20 * 2**20  # 40 MB of facts have gone by in between
