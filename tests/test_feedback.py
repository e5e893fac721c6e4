"""Feedback says what a student needs, shows hidden tests only when asked to, runs nothing, and goes out by the exchange."""

from __future__ import annotations

import base64
import getpass
import os
import re
import subprocess
import sys

import pytest
import toys
from nbgrader.api import Gradebook

from autograde.cohort import grade
from autograde.course import find_course
from autograde.errors import CourseError
from autograde.feedback import write_feedback
from autograde.journal import append
from autograde.release import release
from autograde.types import ChunkGrid, Exit, Measurement, Outcome, Problem, Touched, to_json

SCRIPT = "<script>window.pwned = 1</script><img src=x onerror='pwned = 2'>"
SECRET = "which is secret"


def judged_by_stub(job, facts, **options):
    """The first test passes, the second holds too much."""
    block = Measurement("tree", 48 * toys.MIB, 16 * toys.MIB, 0.2, samples=((0.0, 0), (0.2, 48 * toys.MIB)))
    over = Problem("MemoryCeilingExceeded", f"Right answer, too much memory: 48 MiB, 16 MiB allowed. {SCRIPT}", False)
    chunks = (
        Touched("movie.zarr: 5 chunks read", (ChunkGrid(f"<{SCRIPT}", (2, 3), {"0.1": 5}, {}),)),
        Touched("words"),
    )
    seen = {"problem": over, "blocks": (block,), "touched": chunks}
    known = {"test_double": {"exit": Exit.PASSED}, "test_count_memory": {"exit": Exit.RAISED, **seen}}
    for test in job.only:
        append(facts, to_json(Outcome(job.name, test, **known[test])))


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """A class of two; the essay of one has a mark and a comment by hand."""
    book = toys.source_book()
    book.cells.append(toys.essay("thoughts", "write here", points=3))
    root = tmp_path_factory.mktemp("feedback")
    more = f"c.Exchange.root = {str(root / 'exchange')!r}"
    course = toys.write_course(root / "course", {"exercise": book}, mode="graded", more=more)
    release(course, "toy")
    for student in ("zoë, o'neill", getpass.getuser()):
        toys.hand_in(course, student, toys.answered(book, toys.RIGHT | {"thoughts": f"I think {SCRIPT}"}))
    (course.submitted(getpass.getuser(), "toy") / "timestamp.txt").write_text("2026-01-02 10:00:00.000000 UTC")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograde.submission.run_job", judged_by_stub)
        grade(course, "toy")
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "toy") as marks:
        grade_of = marks.find_grade("thoughts", "exercise", "toy", "zoë, o'neill")
        grade_of.manual_score, grade_of.needs_manual_grade = 2.5, False
        marks.find_comment("thoughts", "exercise", "toy", "zoë, o'neill").manual_comment = "Well thought."
        marks.db.commit()
    return course


def page_of(course, student="zoë, o'neill", **options):
    (page,) = write_feedback(course, "toy", students=[student], **options)
    assert page.path == course.folder("feedback", student, "toy") / "exercise.html"
    return page.path.read_text(encoding="utf-8")


def test_a_page_has_verdicts_charts_explanations_points_and_comments(graded):
    page = page_of(graded)
    assert "✓ Accepted." in page
    assert "✗ memory exceeded" in page
    assert "Right answer, too much memory: 48 MiB, 16 MiB allowed." in page
    found = re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", page)
    memory, chunks = (base64.b64decode(picture).decode() for picture in found)
    assert "peak 48 MiB of 16 MiB allowed" in memory
    assert "movie.zarr: 5 chunks read" in chunks
    assert "2×3 chunks, read" in chunks
    assert SCRIPT not in chunks
    assert "(Score: 4.5 / 10.0)" in page
    assert "Well thought." in page


def test_nothing_in_a_page_runs_or_is_loaded(graded):
    page = page_of(graded)
    assert "<script" not in page.lower()
    assert not re.search(r"<[^>]*onerror", page)  # as text it may stand there
    assert "default-src 'none'" in page
    assert "<link" not in page


def test_hidden_tests_are_shown_only_when_the_instructor_says_so(graded):
    assert SECRET not in page_of(graded)
    assert SECRET in page_of(graded, hidden_tests=True)
    assert SECRET not in page_of(graded)


def test_everybody_who_has_been_graded_gets_a_page(graded):
    told = []
    pages = write_feedback(graded, "toy", told=lambda student, total: told.append((student, total)))
    assert [page.student for page in pages] == sorted(["zoë, o'neill", getpass.getuser()])
    assert told == [(page.student, 2) for page in pages]


def test_who_has_not_been_graded_is_named(graded):
    with pytest.raises(CourseError, match="eve has not been graded for toy; there is "):
        write_feedback(graded, "toy", students=["eve"])


def test_who_was_judged_as_practice_has_no_marks_to_give_back(graded):
    """It once ended with nbgrader's traceback."""
    assert page_of(graded)
    book = graded.root / "gradebook.db"
    book.rename(book.with_suffix(".away"))
    try:
        with pytest.raises(CourseError, match=r"no marks of zoë, o'neill for toy: run `autograde release toy`"):
            page_of(graded)
    finally:
        book.with_suffix(".away").replace(book)


def test_before_grading_and_in_practice_the_next_step_is_named(course, graded_course):
    with pytest.raises(CourseError, match=r"nobody has been graded for toy yet: run `autograde grade toy` first"):
        write_feedback(graded_course, "toy")
    (graded_course.root / "nbgrader_config.py").write_text(toys.CONFIG.format(mode="practice", more=""))
    with pytest.raises(CourseError, match=r"is practice, .* `autograde report toy` hold all that is known"):
        write_feedback(find_course(graded_course.root), "toy")


def nbgrader(folder, *command):
    program = [sys.executable, "-m", "nbgrader", *command]
    done = subprocess.run(program, cwd=folder, env=os.environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_exchange_collects_what_is_graded_and_returns_the_feedback(graded, tmp_path):
    student = getpass.getuser()  # who is logged in is the student, for nbgrader
    (graded.root.parent / "exchange").mkdir(mode=0o777)
    (graded.root.parent / "exchange").chmod(0o777)
    nbgrader(graded.root, "release_assignment", "toy")
    theirs = tmp_path / "student"
    theirs.mkdir()
    (theirs / "nbgrader_config.py").write_text((graded.root / "nbgrader_config.py").read_text())
    book = toys.answered(toys.source_book(), toys.RIGHT)
    toys.write(book, theirs / "toy" / "exercise.ipynb")
    nbgrader(theirs, "submit", "toy", "--course", "toy")
    nbgrader(graded.root, "collect", "toy", "--update")
    assert "return values + values" in (graded.submitted(student, "toy") / "exercise.ipynb").read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograde.submission.run_job", judged_by_stub)
        grade(graded, "toy", students=[student])
    write_feedback(graded, "toy", students=[student])
    nbgrader(graded.root, "release_feedback", "toy", "--student", student)  # without a time it cannot give back
    nbgrader(theirs, "fetch_feedback", "toy", "--course", "toy")
    (returned,) = theirs.glob("toy/feedback/*/exercise.html")
    assert "memory exceeded" in returned.read_text(encoding="utf-8")
