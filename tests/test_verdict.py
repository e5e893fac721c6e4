"""Facts become verdicts by rules in order, verdicts become points, and the words name what to mend."""

from __future__ import annotations

import pytest

from autograde.types import Exit, Line, Measurement, Outcome, Problem, Status, Verdict
from autograde.verdict import judge_error, report, result_of, verdict_of

MIB = 2**20
WITHIN = Measurement("tree", 13 * MIB, 17 * MIB, 1.0)
OVER = Measurement("tree", 19 * MIB, 17 * MIB, 1.0)
UNSEEN = Measurement("tree", None, 17 * MIB, 1.0)
LINE = Line("mean", 4, "return 1 / 0", "mean")


def outcome(exit=Exit.RAISED, problem=None, *, blocks=(), notes=(), limit_seconds=60.0):
    return Outcome("imaging", "test_mean", exit, problem, blocks, 1.23456, limit_seconds, notes=notes)


def theirs(kind, message="it says", line=None):
    return Problem(kind, message, from_student=True, line=line)


def the_tests(kind, message="it says", traceback=""):
    return Problem(kind, message, from_student=False, traceback=traceback)


PASSED = outcome(Exit.PASSED)
RULES = [
    ("a test that runs through", PASSED, Verdict.AC),
    ("a test that runs through under its ceiling", outcome(Exit.PASSED, blocks=(WITHIN,)), Verdict.AC),
    ("no end in time", outcome(Exit.TIMEOUT), Verdict.TLE),
    ("stopped at the limit", outcome(Exit.LIMIT, the_tests("MemoryCeilingExceeded")), Verdict.MLE),
    ("a process that died", outcome(Exit.DIED, theirs("Died")), Verdict.RTE),
    ("a judge that failed", outcome(Exit.JUDGE_ERROR, the_tests("JudgeError")), Verdict.JE),
    ("an exception that nobody knows", outcome(Exit.RAISED, None), Verdict.JE),
    ("an assertion", outcome(problem=the_tests("AssertionError")), Verdict.WA),
    ("a result that the test cannot use", outcome(problem=the_tests("TypeError")), Verdict.WA),
    ("an assertion in a hungry block", outcome(problem=the_tests("AssertionError"), blocks=(OVER,)), Verdict.WA),
    ("a broken ceiling", outcome(problem=the_tests("MemoryCeilingExceeded"), blocks=(WITHIN, OVER)), Verdict.MLE),
    ("a ceiling without a figure", outcome(problem=the_tests("MemoryCeilingExceeded"), blocks=(UNSEEN,)), Verdict.JE),
    ("an untouched stub", outcome(problem=theirs("NotImplementedError")), Verdict.NS),
    ("a function that was renamed", outcome(problem=theirs("NotDefined")), Verdict.RTE),
    (
        "a solution cell that is empty",
        outcome(problem=theirs("NotDefined"), notes=("The cell `mean` is empty.",)),
        Verdict.NS,
    ),
    (
        "a solution cell that is missing",
        outcome(problem=theirs("NotDefined"), notes=("The cell `mean` is missing from the notebook; ...",)),
        Verdict.NS,
    ),
    (
        "a stub that raises in its cell",
        outcome(problem=theirs("NotDefined"), notes=("The cell `mean` stopped with NotImplementedError: ",)),
        Verdict.NS,
    ),
    (
        "a name that is missing because its cell failed",
        outcome(problem=theirs("NotDefined"), notes=("The cell `mean` stopped with SyntaxError: invalid syntax",)),
        Verdict.RTE,
    ),
    ("no memory left", outcome(problem=theirs("MemoryError")), Verdict.MLE),
    ("an exception of the student's", outcome(problem=theirs("ZeroDivisionError")), Verdict.RTE),
    ("an assertion of the student's own", outcome(problem=theirs("AssertionError")), Verdict.RTE),
    ("a result that cannot be judged", outcome(problem=theirs("SubmissionError")), Verdict.RTE),
]


@pytest.mark.parametrize(("facts", "verdict"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_the_verdict_on(facts, verdict):
    assert verdict_of(facts) is verdict


@pytest.mark.parametrize("facts", [rule[1] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_only_an_accepted_test_has_points_and_a_judge_error_has_none_at_all(facts):
    points = result_of(facts, 13.0).points
    expected = {Verdict.AC: 13.0, Verdict.JE: None}.get(verdict_of(facts), 0.0)
    assert points == expected
    assert (points is None) == (expected is None)


@pytest.mark.parametrize("facts", [rule[1] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_in_practice_there_are_never_points(facts):
    result = result_of(facts, 13.0, practice=True)
    assert result.points is None
    assert result.max_points is None
    assert result.verdict is verdict_of(facts)


@pytest.mark.parametrize("facts", [rule[1] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_every_verdict_has_a_sentence_to_read(facts):
    message = result_of(facts, 1.0).message
    assert message
    assert message == message.strip()


def test_a_test_without_points_gets_none():
    assert result_of(PASSED, None).points is None


def test_the_block_nearest_to_failing_is_shown():
    near, far, free = (
        Measurement("tree", 16 * MIB, 17 * MIB, 1.0),
        Measurement("tree", 500 * MIB, 1000 * MIB, 1.0),
        Measurement("tree", 900 * MIB, None, 1.0),
    )
    result = result_of(outcome(Exit.PASSED, blocks=(far, near, free)), 1.0)
    assert (result.peak_bytes, result.ceiling_bytes, result.meter) == (16 * MIB, 17 * MIB, "tree")
    assert result.message == "Accepted: peak 16 MiB of 17 MiB allowed."


def test_a_block_that_was_not_observed_comes_before_all():
    result = result_of(outcome(problem=the_tests("MemoryCeilingExceeded"), blocks=(OVER, UNSEEN)), 1.0)
    assert result.peak_bytes is None
    assert result.ceiling_bytes == 17 * MIB


def test_without_a_ceiling_no_figures_are_made_up():
    result = result_of(outcome(Exit.PASSED, blocks=(Measurement("tree", 5, None, 1.0),)), 1.0)
    assert (result.peak_bytes, result.ceiling_bytes, result.meter, result.message) == (None, None, None, "Accepted.")


def test_the_time_is_rounded_to_milliseconds():
    assert result_of(PASSED, 1.0).wall_seconds == 1.235


def test_a_wrong_answer_is_told_in_the_words_of_the_test():
    result = result_of(outcome(problem=the_tests("AssertionError", "the mean of 1 and 3 is 2")), 1.0)
    assert result.message == "Not right yet: the mean of 1 and 3 is 2"


def test_an_assertion_without_words_is_quoted():
    problem = the_tests("AssertionError", "", "assert mean([1, 3]) == 2\nAssertionError")
    assert result_of(outcome(problem=problem), 1.0).message == (
        "Not right yet: this does not hold: `assert mean([1, 3]) == 2`"
    )


def test_a_result_that_the_test_cannot_use_is_told_with_what_to_try():
    message = result_of(outcome(problem=the_tests("AttributeError", "'int' has no attribute 'shape'")), 1.0).message
    assert message == (
        "Not right yet: the test could not use the result (AttributeError: 'int' has no attribute 'shape'). "
        "Try: look at what the function returns, and compare it with the docstring."
    )


def test_a_wrong_answer_that_is_also_hungry_is_told_both_answer_first():
    message = result_of(outcome(problem=the_tests("AssertionError", "2, not 3"), blocks=(OVER,)), 1.0).message
    assert message == ("Not right yet: 2, not 3 It also held 19 MiB where 17 MiB are allowed; mend the answer first.")


def test_an_error_names_its_line_and_function():
    message = result_of(outcome(problem=theirs("ZeroDivisionError", "division by zero", LINE)), 1.0).message
    assert message == ("Your code stopped with ZeroDivisionError: division by zero (line 4 of `mean`: `return 1 / 0`)")


def test_why_a_name_is_missing_is_told_in_place_of_its_absence():
    note = "The cell `mean` stopped with SyntaxError: invalid syntax, line 2: `def mean(`"
    message = result_of(outcome(problem=theirs("NotDefined", "`mean` is not defined"), notes=(note,)), 1.0).message
    assert message == note


def test_a_name_that_is_missing_without_a_reason_may_have_been_renamed():
    message = result_of(outcome(problem=theirs("NotDefined", "`mean` is not defined")), 1.0).message
    assert message == "`mean` is not defined. Was it renamed? The tests call it by this name."


def test_an_accepted_test_is_not_troubled_with_notes():
    assert result_of(outcome(Exit.PASSED, notes=("There are two cells `mean`",)), 1.0).message == "Accepted."


def test_a_judge_error_says_that_it_costs_nothing():
    result = result_of(judge_error("imaging", "test_mean", "no space left"), 5.0)
    assert (result.verdict, result.points, result.max_points) == (Verdict.JE, None, 5.0)
    assert "costs nothing" in result.message
    assert "no space left" in result.message


def test_time_exceeded_names_the_seconds():
    assert "after 60 s" in result_of(outcome(Exit.TIMEOUT), 1.0).message
    assert "Still running, so" in result_of(outcome(Exit.TIMEOUT, limit_seconds=None), 1.0).message


RIGHT, WRONG = result_of(PASSED, 13.0), result_of(outcome(problem=the_tests("AssertionError")), 17.0)
FAILED = result_of(judge_error("imaging", "test_mean", "why"), 19.0)


def test_the_score_is_the_sum_of_the_points():
    whole = report("ada", "toy", [RIGHT, WRONG])
    assert (whole.status, whole.score, whole.max_score) == (Status.GRADED, 13.0, 30.0)


def test_a_judge_error_among_the_tests_is_the_status_of_the_whole():
    whole = report("ada", "toy", [RIGHT, FAILED])
    assert (whole.status, whole.score, whole.max_score) == (Status.JUDGE_ERROR, 13.0, 32.0)


def test_in_practice_a_report_has_no_score():
    whole = report("ada", "toy", [result_of(PASSED, 13.0, practice=True)])
    assert (whole.score, whole.max_score) == (None, None)


def test_a_status_that_is_given_stays():
    assert report("ada", "toy", [RIGHT], status=Status.MANUAL).status is Status.MANUAL
