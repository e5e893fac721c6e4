"""Every attack comes out as it must, in a class that is graded to the end, and honest students lose nothing by it."""

from __future__ import annotations

import sys
from pathlib import Path

import attack_course
import pytest
from nbgrader.api import Gradebook

from autograde import bubblewrap

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux"),
    pytest.mark.skipif(bubblewrap.why_not() is not None, reason=str(bubblewrap.why_not())),
]
ATTACKS = attack_course.corpus()
#: What attacks would leave on the machine.
TRACES = ("/tmp", "/dev/shm", "/var/tmp", "/run/lock")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    root = tmp_path_factory.mktemp("attacks")
    course, _ = attack_course.build(root, ATTACKS)
    return (course, *attack_course.run(course, ATTACKS, sandbox="bubblewrap"))


@pytest.mark.parametrize("name", [attack.name for attack in ATTACKS])
def test_it_gets_no_marks_that_it_has_not_earned(graded, name):
    result = next(one for one in graded[1] if one.attack.name == name)
    assert result.got in result.attack.expect, result.message
    assert result.points == (2 if result.attack.expect == ("AC",) else 0)


def test_honest_students_keep_their_marks(graded):
    course, _, honest = graded
    assert honest == dict(attack_course.HONEST)
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}") as book:
        kept = {student: book.find_submission(attack_course.ALONE, student).score for student in honest}
    assert kept == dict(attack_course.HONEST)


def test_nothing_is_left_on_the_machine(graded):
    assert graded[1]
    # not `autograde-attacks-...`, where the corpus is run
    traces = [path for place in TRACES for path in Path(place).glob("autograde-attack*")]
    assert [path for path in traces if not path.name.startswith("autograde-attacks-")] == []


def test_every_attack_says_what_it_tries_and_is_numbered():
    assert all(attack.words.endswith(".") and attack.code.strip() for attack in ATTACKS)
    numbers = {int(attack.name[1:3]) for attack in ATTACKS}
    assert set(range(1, 44)) - numbers == set()
