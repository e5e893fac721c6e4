"""Worked examples that nobody changes or uses are left out of judging, and all others are not."""

from __future__ import annotations

import sys

import nbformat
import pytest
import toys

from autograde.examples import mark_examples, unused_examples, without
from autograde.notebook import Kind, example_key, rebuild
from autograde.release import release
from autograde.types import Exit, Verdict
from autograde.update import carry_over, stamp
from autograde.verdict import result_of

EXAMPLE = "image = np.ones(3)\nimage.tofile('image.bin')\nprint('example ran')"
GUESS = "predicted = None  # your guess\nfigure = double(3)"


def handed_out(*examples):
    """The toy notebook as students get it, with these worked examples before the exercises."""
    made = toys.before(toys.source_book(), "double", *map(toys.plain, examples))
    mark_examples(made)
    return made


def unused(made):
    return unused_examples(rebuild("exercise", toys.source_book(), made))


def test_examples_that_nobody_touches_or_uses_are_left_out():
    made = toys.answered(handed_out(EXAMPLE, GUESS), toys.RIGHT)
    assert unused(made) == {example_key(EXAMPLE), example_key(GUESS)}
    left = without(rebuild("exercise", toys.source_book(), made), unused(made))
    assert Kind.PLAIN not in {cell.kind for cell in left.cells}
    assert [cell.label for cell in left.tests()] == ["test_double", "test_count_memory"]


def test_a_notebook_without_marks_has_no_examples():
    made = toys.before(toys.source_book(), "double", toys.plain(EXAMPLE))
    assert unused(made) == frozenset()


@pytest.mark.parametrize(
    "answer",
    [
        "def double(values):\n    return image.sum() + values",
        "def double(values):\n    return [image for _ in values]",
        "def double(values, scale=image):\n    return 2 * values",
        "class Doubler:\n    kept = image\ndef double(values):\n    return 2 * values",
        "double = lambda values: image",
        "def double(values):\n    return np.fromfile('image.bin')",
        "def double(values):\n    return eval('im' + 'age')",
        "def double(values):\n    return globals()['image']",
        "image += 1\ndef double(values):\n    return 2 * values",
        "def double(values):\n    global image\n    image = values\n    return 2 * values",
        "%timeit image\ndef double(values):\n    return 2 * values",
        "def double(values:\n    return",
        "x = 1\n" * 20_000,
        "x = " + "(" * 5000 + ")" * 5000,
    ],
)
def test_an_example_whose_names_or_files_an_answer_uses_is_run(answer):
    assert unused(toys.answered(handed_out(EXAMPLE), {"double": answer})) == frozenset()


@pytest.mark.parametrize(
    "answer",
    [
        "def double(values):\n    image = 2 * values\n    return image",
        "def double(image):\n    return 2 * image",
        "image = np.zeros(3)\ndef double(values):\n    return image + values",
        "for image in range(3):\n    print(image)",
        "with open('mine.txt', 'w') as image:\n    image.write('1')",
    ],
)
def test_a_name_that_an_answer_has_for_itself_asks_for_no_example(answer):
    assert unused(toys.answered(handed_out(EXAMPLE), {"double": answer})) == {example_key(EXAMPLE)}


def test_a_cell_of_the_students_own_and_a_changed_example_count_as_theirs():
    own = toys.answered(handed_out(EXAMPLE), {}, extra=[toys.plain("print(image.mean())")])
    assert unused(own) == frozenset()
    changed = toys.before(handed_out(GUESS, EXAMPLE), "double", toys.plain("predicted = '1 MiB'\nfigure = image"))
    assert unused(changed) == {example_key(GUESS)}


def test_a_prediction_changes_no_example():
    made = handed_out(GUESS)
    guessed = next(cell for cell in made.cells if cell.source == GUESS)
    guessed.source = "predicted = '40 MiB'\nfigure = double(3)\n"
    assert unused(made) == {example_key(GUESS)}


def test_what_a_needed_example_needs_is_run_too_and_nothing_else():
    first, second, third = "base = 3", "image = base + 1", "other = 5"
    made = toys.answered(handed_out(first, second, third), {"double": "def double(v): return image"})
    assert unused(made) == {example_key(third)}


def test_an_example_that_may_bind_anything_is_run_with_all_that_it_may_use():
    made = toys.answered(handed_out("from os.path import *", EXAMPLE), toys.RIGHT)
    assert unused(made) == frozenset()


@pytest.mark.parametrize(
    "section", ["text", [1], {"examples": "abc"}, {"examples": {"a": 1}}, {"examples": [None, [], 7]}]
)
def test_marks_that_are_none_are_heeded_by_nobody(section):
    made = handed_out(EXAMPLE)
    made.metadata["autograde"] = section
    assert unused(made) == frozenset()


def test_releases_carry_marks_where_the_course_says_so(tmp_path):
    book = toys.before(toys.source_book(), "double", toys.plain(EXAMPLE))
    added = 'c.GenerateAssignment.preprocessors.append("autograde.gradebook.MarkExamples")'
    marked = {"examples": [example_key(EXAMPLE)]}
    for number, (more, full_tests, marks) in enumerate(
        [(added, False, marked), (added, True, marked), ("", False, None), ("", True, None)]
    ):
        course = toys.write_course(tmp_path / str(number), {"exercise": book}, more=more)
        folder = release(course, "toy", full_tests=full_tests, keep_marks=False)
        assert ("HIDDEN" in (folder / "exercise.ipynb").read_text()) is False
        assert ("which is secret" in (folder / "exercise.ipynb").read_text()) is full_tests
        made = nbformat.read(folder / "exercise.ipynb", as_version=4)
        assert made.metadata.get("autograde") == marks


def test_a_kits_stamp_and_an_update_keep_the_marks():
    made = handed_out(EXAMPLE)
    stamped = stamp(made)
    assert stamped.metadata["autograde"]["examples"] == made.metadata["autograde"]["examples"]
    fresh = stamp(handed_out("other = 1"))
    updated, _ = carry_over(fresh, stamped)
    assert updated.metadata["autograde"]["examples"] == [example_key("other = 1")]


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_the_judge_runs_just_the_examples_that_are_needed(judge):
    """What ran is told by what it printed; `check` judges a notebook by itself, with the same result."""
    source = toys.before(toys.source_book(), "double", toys.plain(EXAMPLE))
    for uses, ran in ((False, False), (True, True)):
        answer = "def double(values):\n    return 2 * values" + (" + 0 * image.size" if uses else "")
        made = toys.answered(handed_out(EXAMPLE), toys.RIGHT | {"double": answer})
        for judged_by in (source, made):
            outcomes = judge(judged_by, made)
            assert [one.exit for one in outcomes.values()] == [Exit.PASSED, Exit.PASSED]
            assert ("example ran" in outcomes["test_double"].output) is ran


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_what_an_example_would_hold_is_nobodys_when_it_is_not_run(judge, tmp_path):
    """The baseline is that of a notebook in which the same examples ran, and kept apart for each set of them."""
    hoard = "kept = [bytes(1000) for _ in range(30_000)]"
    source = toys.before(toys.source_book(), "double", toys.plain(hoard))
    hungry = "def count(n_mib):\n    part = np.ones(20 * MIB, np.uint8)\n    return n_mib * MIB"
    kept = str(tmp_path / "baselines.json")
    for answer in (hungry, "len(kept)\n" + hungry):
        made = toys.answered(handed_out(hoard), {"count": answer})
        outcome = judge(source, made, baselines=kept)["test_count_memory"]
        assert result_of(outcome, 1).verdict is Verdict.MLE
        assert 19 * 2**20 < outcome.blocks[0].peak_bytes < 30 * 2**20  # the list itself is not forgiven in full
    assert len(list(tmp_path.glob("baselines*.json"))) == 2
