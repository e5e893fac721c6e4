"""One hands in for a team: the members get the same result, marks given by hand included, and nobody else does."""

from __future__ import annotations

import warnings

import pytest
import toys
from browser import REPOSITORY
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from sqlalchemy.exc import SAWarning

from autograde import submission
from autograde.cohort import grade
from autograde.course import find_course
from autograde.errors import CourseError
from autograde.feedback import write_feedback
from autograde.release import release
from autograde.teams import find_teams, members_in
from autograde.types import Exit, Outcome, Status, to_json

BOOK = toys.source_book()
BOOK.cells.append(toys.essay("thoughts", "write here", points=3))
ANSWER = toys.answered(BOOK, toys.RIGHT | {"thoughts": "We think"})
ROSTER = ("ada", "bo", "名前", "mia")


@pytest.fixture
def judged_at_once(monkeypatch):
    """Every test that is asked for passes at once."""

    def run(job, facts, *, told=lambda outcome: None):
        outcomes = [Outcome(job.name, test, Exit.PASSED) for test in job.only]
        with facts.open("a") as file:
            file.writelines(to_json(outcome) + "\n" for outcome in outcomes)
        return outcomes

    monkeypatch.setattr(submission, "run_job", run)


def for_teams(course):
    """What makes an assignment one for teams: the file that its members are to fill in."""
    (course.source("toy") / "team.yml").write_text("members: []\n")
    return course


@pytest.fixture
def course(tmp_path):
    return for_teams(toys.write_course(tmp_path / "course", {"exercise": BOOK}, mode="graded"))


@pytest.fixture
def released(course, judged_at_once):
    release(course, "toy")
    return course


def team(course, student, text, made=ANSWER):
    path = toys.hand_in(course, student, made).with_name("team.yml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def gradebook(course):
    return Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "toy")


def reports(course, **options):
    return {judged.report.student: judged.report for judged in grade(course, "toy", roster=ROSTER, **options)}


def test_the_result_is_copied_to_the_members_and_to_nobody_else(released):
    team(released, "ada", "members: [ada, bo, 名前]\n")
    found = reports(released)
    assert {student: report.score for student, report in found.items()} == {"ada": 7, "bo": 7, "名前": 7, "mia": 0}
    assert found["mia"].status is Status.MISSING
    assert found["bo"].tests == found["ada"].tests
    assert "Handed in for a team: bo, 名前 get the same result." in found["ada"].message
    assert "Handed in by ada for the team." in found["bo"].message
    with gradebook(released) as book:
        assert {one.student.id: one.score for one in book.assignment_submissions("toy")} == {
            "ada": 7,
            "bo": 7,
            "名前": 7,
        }
    for student in ("ada", "bo", "名前"):
        shown = released.folder("autograded", student, "toy") / "exercise.ipynb"
        assert "We think" in shown.read_text(encoding="utf-8")
        assert ("Handed in by `ada` for the team." in shown.read_text(encoding="utf-8")) is (student != "ada")
    assert [page.student for page in write_feedback(released, "toy")] == ["ada", "bo", "名前"]


def test_marks_and_comments_given_by_hand_reach_the_members_when_it_is_graded_again(released):
    team(released, "ada", "members: [bo, 名前]\n")
    reports(released)
    with gradebook(released) as book:
        assert book.find_grade("thoughts", "exercise", "toy", "bo").needs_manual_grade
        mark = book.find_grade("thoughts", "exercise", "toy", "ada")
        mark.manual_score, mark.needs_manual_grade, mark.extra_credit = 2.5, False, 1
        book.find_comment("thoughts", "exercise", "toy", "ada").manual_comment = "A good question."
        book.db.commit()
    reports(released)
    with gradebook(released) as book:
        for member in ("bo", "名前"):
            copied = book.find_grade("thoughts", "exercise", "toy", member)
            assert (copied.manual_score, copied.needs_manual_grade, copied.extra_credit) == (2.5, False, None)
            assert book.find_comment("thoughts", "exercise", "toy", member).manual_comment == "A good question."
            assert book.find_submission("toy", member).score == 9.5
        book.find_grade("thoughts", "exercise", "toy", "ada").manual_score = 3
        book.find_grade("thoughts", "exercise", "toy", "bo").manual_score = 1  # a person says otherwise about bo
        book.db.commit()
    reports(released)
    with gradebook(released) as book:
        scores = {s: book.find_grade("thoughts", "exercise", "toy", s).manual_score for s in ("ada", "bo", "名前")}
    assert scores == {"ada": 3, "bo": 1, "名前": 3}


# --- nbgrader's own way ---------------------------------------------------------------------------------------------------


@pytest.fixture
def with_button(released):
    """The released course with the settings of ours, and a second notebook: nbgrader judges one after the other."""
    toys.write(toys.source_book(), released.source("toy") / "more.ipynb")
    settings = (REPOSITORY / "nbgrader_config.py").read_text(encoding="utf-8")
    settings = settings.replace('mode = "practice"', 'mode = "graded"').replace('"out-of-core"', '"toy"')
    (released.root / "nbgrader_config.py").write_text(settings, encoding="utf-8")
    course = find_course(released.root)
    release(course, "toy")
    with gradebook(course) as book:
        book.add_student("bo")  # knows what is in submitted/, and whom the gradebook knows
    return course


def press_autograde(course, student):
    """What the formgrader's button does; gives the log that it shows."""
    api = NbGraderAPI(config=course.config)
    api.coursedir.root = str(course.root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=SAWarning)  # nbgrader's own, as in marks.py
        done = api.autograde("toy", student)
    assert done["success"], done
    return done["log"]


def test_the_autograde_button_does_the_same_for_a_team(with_button):
    team(with_button, "ada", "members: [ada, bo, eve]\n")
    toys.hand_in(with_button, "ada", toys.answered(toys.source_book(), toys.RIGHT), notebook="more")
    log = press_autograde(with_button, "ada")
    assert "The result is also that of bo." in log
    assert "team.yml names 'eve', whom this course does not know." in log
    with gradebook(with_button) as book:
        assert {one.student.id: one.score for one in book.assignment_submissions("toy")} == {"ada": 14, "bo": 14}
        mark = book.find_grade("thoughts", "exercise", "toy", "ada")
        mark.manual_score, mark.needs_manual_grade = 2.5, False
        book.db.commit()
    for name in ("exercise", "more"):
        shown = with_button.folder("autograded", "bo", "toy") / f"{name}.ipynb"
        assert "Accepted." in shown.read_text(encoding="utf-8")
    press_autograde(with_button, "ada")
    with gradebook(with_button) as book:
        assert {one.student.id: one.score for one in book.assignment_submissions("toy")} == {"ada": 16.5, "bo": 16.5}
    assert {name: found.score for name, found in reports(with_button).items()} == {
        "ada": 14,
        "bo": 14,
        "mia": 0,
        "名前": 0,
    }
    with gradebook(with_button) as book:
        assert book.find_submission("toy", "bo").score == 16.5, "both ways know which marks were copied"


def test_an_assignment_is_for_teams_only_if_its_author_says_so(with_button):
    team(with_button, "ada", "members: [ada, bo]\n")
    (with_button.source("toy") / "team.yml").unlink()
    assert "team.yml does not count here: toy is not for teams." in press_autograde(with_button, "ada")
    assert "team.yml does not count here" in reports(with_button)["ada"].message
    with gradebook(with_button) as book:
        assert [one.student.id for one in book.assignment_submissions("toy")] == ["ada"]


# --- who is in a team ---------------------------------------------------------------------------------------------------


def test_who_hands_in_alone_too_keeps_their_own_result(released):
    team(released, "ada", "members: [bo]\n")
    toys.hand_in(released, "bo", toys.answered(BOOK, {"thoughts": "Alone"}))
    found = reports(released)
    assert "bo has handed in work of their own, which counts for them." in found["ada"].message
    assert "Handed in by" not in found["bo"].message


def test_asking_for_a_member_grades_the_team(released):
    team(released, "ada", "members: [bo]\n")
    assert set(reports(released, students=["bo"])) == {"ada", "bo"}
    with pytest.raises(CourseError, match="no submission of nobody"):
        reports(released, students=["nobody"])


def test_in_practice_the_members_read_the_same_words(tmp_path, judged_at_once):
    course = for_teams(toys.write_course(tmp_path / "practice", {"exercise": BOOK}))
    team(course, "ada", "members: [bo]\n")
    found = reports(course)
    assert found["bo"].tests == found["ada"].tests
    assert not (course.root / "gradebook.db").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("members: [ada, eve]", "names 'eve', whom this course does not know"),
        ("members: [../../bo]", "names '../../bo', whom this course does not know"),
        ("members: ada, bo", "was not understood, so nobody else gets this result: expected a line such as"),
        ("members:\n\t- bo", "this is not YAML"),
        ("bo", "expected a line such as `members: [ada, bo]`"),
        ("members: [[bo]]", "expected a line such as"),
        ("a: &a [bo]\nmembers: *a", "without & and *"),
        (b"\xff\xfe\x00m", "was not understood"),
        ("members: [" + "x, " * 9000 + "]", "expected a small text file"),
        ("members: [" + ", ".join(f"x{n}" for n in range(13)) + "]", "at most 12 members, got 13"),
    ],
)
def test_a_team_that_cannot_be_read_costs_the_one_who_handed_in_nothing(course, text, words):
    team(course, "ada", text)
    (found,) = find_teams(course, "toy", known=set(ROSTER)).values()
    assert any(words in note for note in found.notes), found.notes
    assert set(found.members) <= set(ROSTER)


def test_a_link_is_not_followed(course, tmp_path):
    path = team(course, "ada", "")
    path.unlink()
    (tmp_path / "secret.yml").write_text("members: [bo]")
    path.symlink_to(tmp_path / "secret.yml")
    assert find_teams(course, "toy", known=set(ROSTER))["ada"].members == ()


def test_nobody_is_in_two_teams(course):
    team(course, "ada", "members: [mia]")
    team(course, "bo", "members: [mia, 名前]")
    found = find_teams(course, "toy", known=set(ROSTER))
    assert found["ada"].members == ()
    assert found["bo"].members == ("名前",)
    for one in found.values():
        assert "mia is named by another team, too, and gets neither result: settle it." in one.notes


def test_ids_stay_texts_and_nothing_is_called():
    assert members_in("members: !!python/object/apply:os.system [bo]") == ("bo",)
    assert members_in("members: [007, 1e3, no, ada, ada]") == ("007", "1e3", "no", "ada")
