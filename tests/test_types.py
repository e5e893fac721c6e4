"""Sizes are read and written without surprises, and values survive a journey through JSON."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograde.errors import CourseError
from autograde.types import (
    SCHEMA_VERSION,
    Allocation,
    Exit,
    Line,
    Measurement,
    Outcome,
    Problem,
    Report,
    Status,
    TestResult,
    Verdict,
    format_bytes,
    format_two,
    from_json,
    parse_bytes,
    to_json,
    to_jsonable,
)

OUTCOME = Outcome(
    notebook="imaging",
    test="test_mean",
    exit=Exit.RAISED,
    problem=Problem("ValueError", 'naïve ☃ \\ "quoted"\n', True, Line("mean", 3, "raise ValueError", None), "rows"),
    blocks=(
        Measurement(
            meter="tree",
            peak_bytes=13,
            ceiling_bytes=17,
            wall_seconds=0.25,
            allocations=(Allocation(11, "ones", "numeric.py"),),
            leftovers=(("pool", 7),),
            samples=((0.0, 2), (0.125, 13)),
        ),
    ),
    wall_seconds=1.5,
    limit_seconds=60.0,
    output="printed",
    notes=("a note",),
)


@pytest.mark.parametrize(
    ("size", "number"),
    [
        ("64 MiB", 67_108_864),
        ("64MiB", 67_108_864),
        ("  64 mib ", 67_108_864),
        ("1.5 GB", 1_500_000_000),
        ("2 kB", 2000),
        ("3 KiB", 3072),
        ("1 TiB", 1_099_511_627_776),
        ("7 B", 7),
        (4096, 4096),
    ],
)
def test_a_size_is_read_in_the_unit_that_it_names(size, number):
    assert parse_bytes(size) == number


@pytest.mark.parametrize(
    "size", ["100MBfoo", "-1 MiB", "64", "MiB", "", "1e3 MiB", "1,5 GB", "٣ MiB", "1 MiB 2", None, 1.5, True, []]
)
def test_a_text_that_is_not_a_size_is_refused_with_what_is_expected_and_what_came(size):
    with pytest.raises(ValueError, match=r"expected a size such as '64 MiB' or '1.5 GB', got ") as refused:
        parse_bytes(size)
    assert repr(size) in str(refused.value)
    assert isinstance(refused.value, CourseError)


@pytest.mark.parametrize("size", [0, -5, "0 MiB", "0.0 GB"])
def test_a_size_of_nothing_or_less_is_refused(size):
    with pytest.raises(ValueError, match=r"expected a size above zero such as '64 MiB', got"):
        parse_bytes(size)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (None, "not observed"),
        (0, "0 B"),
        (700, "700 B"),
        (1024, "1 KiB"),
        (1536, "1.50 KiB"),
        (67_108_864, "64 MiB"),
        (67_108_865, "64 MiB"),
        (2_621_440, "2.50 MiB"),
        (5_557_453, "5.3 MiB"),
        (1_095_216_660, "1.02 GiB"),
        (1_048_576_000, "0.98 GiB"),
        (1_125_899_906_842_624, "1024 TiB"),
    ],
)
def test_a_size_is_written_in_the_unit_that_people_would_choose(number, words):
    assert format_bytes(number) == words


@given(st.integers(min_value=1, max_value=2**52))
def test_any_size_that_is_written_can_be_read_back_within_five_percent(number):
    assert abs(parse_bytes(format_bytes(number)) - number) <= max(0.05 * number, 1)


def test_values_survive_json_unchanged_and_on_one_line():
    text = to_json(OUTCOME)
    assert "\n" not in text
    assert from_json(Outcome, text) == OUTCOME
    assert json.loads(text)["schema_version"] == SCHEMA_VERSION == 1


def test_what_was_not_observed_is_null_in_json_and_none_again():
    seen = Measurement("tree", None, 17, 0.5)
    assert to_jsonable(seen)["peak_bytes"] is None
    assert from_json(Measurement, to_json(seen)).peak_bytes is None


def test_half_of_a_surrogate_pair_does_not_stop_anything():
    text = to_json(Problem("ValueError", "half \ud800 of it", from_student=True))
    assert from_json(Problem, text.encode("utf-8")).message == "half ? of it"


def test_a_number_that_json_cannot_hold_is_an_error_and_not_a_wrong_file():
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(Measurement("tree", 1, 1, float("nan")))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"notebook": 3}', b"\xff\xfe", "1" * 5000])
def test_json_that_is_no_outcome_is_refused_by_name(text):
    with pytest.raises(CourseError, match="not a valid Outcome in JSON"):
        from_json(Outcome, text)


@pytest.mark.parametrize(
    "value", [OUTCOME, Line("a", 1, "x", None), Report("s", "a", Status.GRADED, None, "", None, None)]
)
def test_nothing_changes_after_it_is_made(value):
    field = dataclasses.fields(value)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, "other")


@pytest.mark.parametrize(
    ("peak", "ceiling", "stopped", "exceeded"),
    [
        (13, 17, False, False),
        (17, 17, False, False),
        (18, 17, False, True),
        (13, 17, True, True),  # stopped: the peak is a lower bound
        (None, 17, False, True),  # not observed is never a pass
        (13, None, False, False),
        (None, None, False, False),
    ],
)
def test_a_ceiling_is_broken_by_more_bytes_by_a_stop_and_by_a_missing_figure(peak, ceiling, stopped, exceeded):
    assert Measurement("tree", peak, ceiling, 1.0, stopped=stopped).exceeded is exceeded


def test_students_read_words_and_never_letters():
    assert {verdict.value: verdict.words for verdict in Verdict} == {
        "AC": "accepted",
        "WA": "wrong answer",
        "RTE": "error",
        "MLE": "memory exceeded",
        "TLE": "time exceeded",
        "NS": "nothing submitted",
        "JE": "judge error",
    }


def test_a_report_has_the_fields_that_the_interface_promises():
    result = TestResult("imaging", "test_mean", Verdict.AC, 2.0, 2.0, 13, 17, 0.5, "tree", "Accepted.")
    report = Report("ada", "toy", Status.GRADED, "process", "", 2.0, 2.0, (result,))
    assert json.loads(to_json(report)) == {
        "student": "ada",
        "assignment": "toy",
        "status": "graded",
        "sandbox": "process",
        "message": "",
        "score": 2.0,
        "max_score": 2.0,
        "tests": [
            {
                "notebook": "imaging",
                "test": "test_mean",
                "verdict": "AC",
                "points": 2.0,
                "max_points": 2.0,
                "peak_bytes": 13,
                "ceiling_bytes": 17,
                "wall_seconds": 0.5,
                "meter": "tree",
                "message": "Accepted.",
            }
        ],
    }


def test_a_submission_is_in_one_of_five_states():
    assert [status.value for status in Status] == ["graded", "manual", "unreadable", "missing", "judge_error"]


@pytest.mark.parametrize(
    ("first", "second", "texts"),
    [
        (67_528_294, 67_108_864, ("64.4 MiB", "64 MiB")),
        (67_109_000, 67_108_864, ("64.0001 MiB", "64 MiB")),
        (67_108_864, 67_108_864, ("64 MiB", "64 MiB")),
        (13 * 2**20, 64 * 2**20, ("13 MiB", "64 MiB")),
        (0, 64, ("0 B", "64 B")),
        (None, 64 * 2**20, ("not observed", "64 MiB")),
        (64 * 2**20, None, ("64 MiB", "not observed")),
    ],
)
def test_two_sizes_that_differ_read_differently(first, second, texts):
    assert format_two(first, second) == texts


def test_numbers_of_numpy_are_sizes():
    assert parse_bytes(np.int64(4096)) == 4096
    with pytest.raises(CourseError, match="expected a size above zero"):
        parse_bytes(np.int64(-1))
