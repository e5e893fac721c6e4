"""The demo plays a class for the first notebook with hungry answers, and each member comes out as expected."""

from __future__ import annotations

import sys

import pytest
import toys

from autograde.demo import play
from autograde.errors import CourseError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")

ANSWERS = {
    "treble": {"accepted": ["def treble(x):\n    return x + x + x", "def treble(x):\n    return 3 * x"]},
    "double": {"accepted": [toys.RIGHT["double"], toys.DOUBLE], "wrong_answer": [toys.WRONG["double"]]},
    "count": {
        "accepted": [toys.RIGHT["count"], toys.COUNT],
        "wrong_answer": [toys.WRONG["count"]],
        "memory_exceeded": [toys.HUNGRY],
    },
}


def write_answers(course, exercises):
    for exercise in exercises:
        for verdict, texts in ANSWERS[exercise].items():
            for number, text in enumerate(texts):
                path = course.root / "tests" / "gallery" / "toy" / exercise / verdict / f"answer_{number}.py"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")


def light_book():
    """An exercise without a ceiling."""
    return toys.book(
        toys.setup(toys.SETUP),
        toys.solution("treble", "def treble(x):\n    return 3 * x"),
        toys.test("test_treble", "assert treble(2) == 6"),
    )


def test_the_class_comes_out_as_it_should_and_only_one_notebook_is_played(tmp_path):
    course = toys.write_course(tmp_path / "course", {"a_light": light_book(), "b_heavy": toys.source_book()})
    write_answers(course, ["treble", "double", "count"])
    shown = play(course, tmp_path / "stage", seconds=5)
    words = {one.student: [test.verdict.words for test in one.tests if test.verdict] for one in shown.reports}
    status = {one.student: one.status.value for one in shown.reports}
    assert words["amara-right"] == words["ben-right-another-way"] == ["accepted"] * 2
    assert words["chiara-wrong"] == ["wrong answer"] * 2
    assert words["dario-hungry"] == ["accepted", "memory exceeded"]
    assert words["farid-slow"] == ["accepted", "time exceeded"]
    assert words["gita-crashing"] == ["error", "accepted"]
    assert words["hugo-damaged"] == ["accepted", "nothing submitted"]
    assert "accepted" not in words["eve-hostile"]
    assert status["ines-unreadable"] == "unreadable"
    assert status["jonas-missing"] == "missing"
    assert shown.page.exists()
    assert [path.name for path in (tmp_path / "stage" / "source" / "toy").iterdir()] == ["b_heavy.ipynb"]
    assert not (tmp_path / "course" / "submitted").exists()


def test_a_course_without_hungry_answers_cannot_be_shown(tmp_path):
    course = toys.write_course(tmp_path / "course", {"a_light": light_book()})
    write_answers(course, ["treble"])
    with pytest.raises(CourseError, match="there are none that would do"):
        play(course, tmp_path / "stage")
