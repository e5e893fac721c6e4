"""The gallery proves that tests discriminate: a mislabelled solution, a ceiling without room, two verdicts are faults."""

from __future__ import annotations

import gc
import shutil
import sys

import pytest
import toys

from autograde.errors import CourseError
from autograde.gallery import Entry, Run, _ratios, _turns, overall, rows, solutions, verify
from autograde.gallery import _faults as faults_of
from autograde.types import Exit, Growth, Measurement, Outcome, Problem, Verdict

MIB = 2**20


def entry(expected, name="it", *, message=None, exercise="count"):
    return Entry("toy", exercise, expected, name, "pass", message)


def outcome(verdict=Verdict.AC, *, peak=None, ceiling=100, test="test_count", message="it says"):
    blocks = () if peak is None else (Measurement("tree", peak * MIB, ceiling * MIB, 0.1),)
    exit, problem = {
        Verdict.AC: (Exit.PASSED, None),
        Verdict.WA: (Exit.RAISED, Problem("AssertionError", message, False)),
        Verdict.RTE: (Exit.RAISED, Problem("ValueError", message, True)),
        Verdict.MLE: (Exit.RAISED, Problem("MemoryCeilingExceeded", message, False)),
        Verdict.TLE: (Exit.TIMEOUT, None),
    }[verdict]
    return Outcome("exercise", test, exit, problem, blocks)


def run(expected, kernel, judged=None, *, faults=(), name="it", message=None):
    judged = kernel if judged is None else judged
    return Run(entry(expected, name, message=message), (kernel,), (judged,), faults)


GOOD = (
    run(Verdict.AC, outcome(peak=11), outcome(peak=50)),
    run(Verdict.AC, outcome(peak=40), outcome(peak=13)),
    run(Verdict.WA, outcome(Verdict.WA, peak=7)),
    run(Verdict.WA, outcome(Verdict.WA)),
    run(Verdict.WA, outcome(Verdict.WA)),
    run(Verdict.MLE, outcome(Verdict.MLE, peak=170), outcome(Verdict.MLE, peak=400)),
    run(Verdict.MLE, outcome(Verdict.MLE, peak=300), outcome(Verdict.MLE, peak=190)),
    run(Verdict.RTE, outcome(Verdict.RTE)),
)


def test_a_row_counts_solutions_and_shows_the_room_on_both_sides():
    (row,) = rows(GOOD)
    assert (row.exercise, row.accepted, row.wrong, row.hungry, row.other) == ("count", 2, 3, 2, 1)
    assert row.ceiling_bytes == 100 * MIB
    assert row.worst_accepted_bytes == 50 * MIB
    assert row.best_hungry_bytes == 170 * MIB
    assert row.room_below == 2.0
    assert row.room_above == 1.7
    assert row.faults == ()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            (run(Verdict.AC, outcome(peak=70)), *GOOD[1:]),
            "the ceiling is too low: worst accepted peak x 1.5 is 1.05 of it",
        ),
        (
            (*GOOD[:5], run(Verdict.MLE, outcome(Verdict.MLE, peak=140)), *GOOD[6:]),
            "the ceiling is too high: the best hungry peak is only 1.40 of it, 1.5 wanted",
        ),
        (GOOD[1:], "the gallery wants at least two accepted and three wrong solutions"),
        ((*GOOD[:2], *GOOD[3:]), "the gallery wants at least two accepted and three wrong solutions"),
        ((*GOOD[:5], *GOOD[6:]), "the gallery wants at least two solutions that exceed the memory"),
        ((*GOOD, run(Verdict.WA, outcome(), faults=("judged: accepted",))), "wrong answer/it: judged: accepted"),
    ],
    ids=["too low", "too high", "one accepted", "two wrong", "one hungry", "a run at fault"],
)
def test_a_gallery_without_room_or_without_enough_solutions_is_at_fault(changed, words):
    (row,) = rows(changed)
    assert row.faults == (words,)


def test_exactly_the_wanted_room_is_enough():
    table = (
        run(Verdict.AC, outcome(peak=100, ceiling=150)),
        *GOOD[1:5],
        run(Verdict.MLE, outcome(Verdict.MLE, peak=150)),
        GOOD[6],
    )
    assert rows(table)[0].faults == ()


def test_an_exercise_without_a_ceiling_needs_no_hungry_solutions():
    runs = [
        run(Verdict.AC, outcome()),
        run(Verdict.AC, outcome()),
        *(run(Verdict.WA, outcome(Verdict.WA)) for _ in range(3)),
    ]
    (row,) = rows(runs)
    assert row.faults == ()
    assert (row.ceiling_bytes, row.room_below, row.room_above) == (None, None, None)


def test_the_verdict_on_an_exercise_is_that_of_the_first_test_that_fails():
    assert overall([outcome(), outcome(Verdict.WA), outcome(Verdict.RTE)]) is Verdict.WA
    assert overall([outcome(), outcome()]) is Verdict.AC


def test_a_run_as_expected_has_no_fault():
    assert faults_of(run(Verdict.MLE, outcome(Verdict.MLE, peak=170))) == []


def test_a_solution_with_the_wrong_label_is_at_fault_both_ways():
    found = faults_of(run(Verdict.WA, outcome()))
    assert found[0].startswith("in one kernel: accepted, expected wrong answer")
    assert found[1].startswith("judged: accepted, expected wrong answer")


def test_verdicts_that_differ_between_kernel_and_judge_are_a_fault():
    found = faults_of(run(Verdict.WA, outcome(Verdict.WA), outcome(Verdict.MLE)))
    assert found[0].startswith("judged: memory exceeded, expected wrong answer")
    assert found[1] == "test_count: wrong answer in one kernel, memory exceeded judged"


def test_a_message_that_does_not_say_what_it_should_is_a_fault():
    told = run(Verdict.WA, outcome(Verdict.WA, message="the edge is missing"), outcome(Verdict.WA), message="THE EDGE")
    found = faults_of(told)
    assert found == ["judged, the message says nothing of 'THE EDGE': Not right yet: it says"]


# --- files ------------------------------------------------------------------------------------------------------------


def write_gallery(root, **texts):
    """`texts`: by "exercise__verdict__name"."""
    for key, text in texts.items():
        path = root.joinpath("toy", *key.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_solutions_are_read_with_their_expectation_and_each_stub_is_added(tmp_path):
    root = write_gallery(
        tmp_path,
        count__accepted__slowly="# slowly\n",
        count__memory_exceeded__all="x = 1\n# message:  all at once \n",
    )
    found = solutions(root, "toy", ["count", "double"])
    assert [(one.exercise, one.expected, one.name, one.message) for one in found] == [
        ("count", Verdict.AC, "slowly", None),
        ("count", Verdict.MLE, "all", "all at once"),
        ("count", Verdict.NS, "untouched_stub", None),
        ("double", Verdict.NS, "untouched_stub", None),
    ]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("cuont__accepted__a", r"no exercise 'cuont'; there is count"),
        ("count__acepted__a", r"'acepted' is not a verdict; expected one of accepted, wrong_answer"),
        ("count__judge_error__a", r"'judge_error' is not a verdict"),
    ],
)
def test_a_folder_that_means_nothing_is_refused(tmp_path, key, words):
    with pytest.raises(CourseError, match=words):
        solutions(write_gallery(tmp_path, **{key: ""}), "toy", ["count"])


def test_an_assignment_without_a_gallery_is_refused(tmp_path):
    with pytest.raises(CourseError, match=r"no gallery for toy: expected solutions in .*<exercise>/<verdict>"):
        solutions(tmp_path, "toy", ["count"])


# --- a real run ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    """A toy gallery run both ways, one of its solutions mislabelled; runs by name."""
    folder = tmp_path_factory.mktemp("verify")
    course = toys.write_course(folder / "course")
    gallery = write_gallery(
        folder / "gallery",
        count__accepted__one_by_one=toys.RIGHT["count"],
        count__memory_exceeded__all_at_once=f"# message: Right answer, too much memory\n{toys.HUNGRY}",
        count__wrong_answer__number_of_mib=f"# message: every byte is one\n{toys.WRONG['count']}",
        count__wrong_answer__mislabelled=toys.RIGHT["count"],
        count__error__divides="def count(n_mib):\n    return 1 / 0",
    )
    told = []
    runs = verify(
        course, "toy", gallery=gallery, exercises=["count"], jobs=2, told=lambda one, total: told.append((one, total))
    )
    assert {total for _, total in told} == {6}
    assert len(told) == 6
    yield {one.entry.name: one for one in runs}
    shutil.rmtree(folder)


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")


@needs_linux
def test_what_a_student_calls_wrongly_is_theirs_even_if_our_code_raises_it(tmp_path):
    course = toys.write_course(
        tmp_path / "course",
        {
            "exercise": toys.book(
                toys.setup("class Camera:\n    def __next__(self):\n        raise StopIteration('no more frames')"),
                toys.solution("last", "def last(camera):\n    return 1"),
                toys.test("test_last", "assert last(Camera()) == 1"),
            )
        },
    )
    gallery = write_gallery(
        tmp_path / "gallery",
        last__accepted__one="def last(camera):\n    return 1",
        last__error__goes_on="# message: no more frames\ndef last(camera):\n    return next(camera)",
    )
    runs = verify(course, "toy", gallery=gallery, exercises=["last"], jobs=1)
    assert {one.entry.name: one.faults for one in runs} == {"one": (), "goes_on": (), "untouched_stub": ()}


@needs_linux
@pytest.mark.parametrize("name", ["one_by_one", "all_at_once", "number_of_mib", "divides", "untouched_stub"])
def test_verify_accepts_what_is_labelled_right(verified, name):
    assert verified[name].faults == ()
    assert len(verified[name].kernel) == len(verified[name].judged) == 1


@needs_linux
def test_verify_refuses_a_mislabelled_solution_both_ways(verified):
    found = verified["mislabelled"].faults
    assert len(found) == 2
    assert found[0].startswith("in one kernel: accepted, expected wrong answer")
    assert found[1].startswith("judged: accepted, expected wrong answer")


@needs_linux
def test_quick_judges_some_solutions_and_counts_all(tmp_path):
    course = toys.write_course(tmp_path / "course")
    texts = {
        "double__accepted__one": "def double(values):\n    return values + values",
        "double__accepted__two": "def double(values):\n    return 2 * values",
        "double__wrong_answer__a": toys.WRONG["double"],
        "double__wrong_answer__b": "def double(values):\n    return values",
        "double__wrong_answer__c": "def double(values):\n    return values + 1",
    }
    gallery = write_gallery(tmp_path / "gallery", **texts)
    found = verify(course, "toy", gallery=gallery, exercises=["double"], quick="x")
    assert 1 <= len([one for one in found if one.judged is not None]) < len(found)
    assert not [one for one in found if one.kernel is not None and one.judged is None]
    assert not any(one.faults for one in found)
    assert rows(found)[0].wrong == 3


def test_over_some_turns_everything_is_judged():
    kinds = (Verdict.AC, Verdict.MLE, Verdict.WA)
    entries = [entry(verdict, f"{verdict}{number}") for verdict in kinds for number in range(10)]
    firsts = {entries[0].name, entries[10].name, entries[20].name}
    judged, in_kernel, count, accepted, hungry = set(), set(), 0, 0, 0
    for turn in map(str, range(400)):
        turns = _turns(entries, turn)
        accepted += turns[0][0]
        hungry += turns[10][0]
        count += sum(yes for yes, _ in turns)
        judged |= {one.name for one, (yes, _) in zip(entries, turns, strict=True) if yes}
        in_kernel |= {one.name for one, (_, yes) in zip(entries, turns, strict=True) if yes}
    assert judged == {one.name for one in entries}
    assert in_kernel == firsts
    assert 160 < accepted < 240
    assert 90 < hungry < 180
    assert 1.5 < count / 400 < 3


@needs_linux
def test_verify_measures_about_the_same_both_ways(verified):
    run = verified["all_at_once"]
    kernel, judged = run.kernel[0].blocks[0], run.judged[0].blocks[0]
    assert kernel.peak_bytes == pytest.approx(judged.peak_bytes, abs=6 * MIB)
    assert run.ratio == pytest.approx(3.0, abs=0.4)


@needs_linux
def test_verify_leaves_no_event_loop_open(verified):
    gc.collect()  # would warn of one, and a warning is an error


@needs_linux
def test_verify_tells_the_faults_in_the_row(verified):
    (row,) = rows(list(verified.values()))
    assert (row.accepted, row.wrong, row.hungry, row.other) == (1, 2, 1, 2)
    assert row.ceiling_bytes == 16 * MIB
    assert any(fault.startswith("wrong answer/mislabelled: ") for fault in row.faults)


def test_an_unknown_exercise_is_refused(course, tmp_path):
    with pytest.raises(CourseError, match="no exercise cuont in toy; there is double, count"):
        verify(course, "toy", gallery=tmp_path, exercises=["cuont"])


def test_of_a_slope_the_growth_is_compared_with_what_it_may_grow():
    """A peak that is there on little data, too, says nothing."""
    mib = 2**20
    block = Measurement(
        "tree", 280 * mib, 330 * mib, 1.0, data_bytes=512 * mib, growth=Growth(250 * mib, 128 * mib, at_most=0.2)
    )
    assert _ratios([Outcome("notebook", "test", Exit.PASSED, blocks=(block,))]) == [(80 * mib, 30 / 80)]
