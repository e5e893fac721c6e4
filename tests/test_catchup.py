"""Those who are behind can go on: a reference opens with its code, or after a pass, and no attempt is lost."""

from __future__ import annotations

import json
import shutil

import nbformat
import pytest
import toys
from click.testing import CliRunner

from autograde import catchup
from autograde.catchup import REFERENCES, catch_up, codes, sealed_references
from autograde.cli import main
from autograde.errors import CourseError
from autograde.kit import instructors_word, make_kit
from autograde.release import find_leaks
from autograde.seal import code_of, seal, unseal
from autograde.types import Verdict
from autograde.verdict import report

WORD = "seventeen tulips"
CODE = code_of(WORD, "toy/exercise/double")
REFERENCE = (
    'def double(values):\n    """Twice the values."""\n    doubled_by_hand = 2 * values\n    return doubled_by_hand'
)
STUB = "def double(values):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
ATTEMPT = "def double(values):\n    return values * values  # ``` no"


@pytest.fixture
def place(course, tmp_path):
    """A student's folder with references."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / REFERENCES).write_text(sealed_references(course, "toy", WORD))
    return folder


def notebook(place, answer, *, name="exercise.ipynb"):
    return toys.write(toys.answered(toys.source_book(), {"double": answer}), place / name)


@pytest.fixture
def judged(monkeypatch):
    """What checking finds, without processes."""

    def found(verdict):
        def check(path, *, exercise, told):
            from autograde.types import TestResult

            return report("x", "", [TestResult("x", "t", verdict, None, None, None, None, 0.1, None, "")])

        monkeypatch.setattr(catchup, "check_notebook", check)

    return found


def cell(path, name="double"):
    book = nbformat.read(path, 4)
    return next(one for one in book.cells if one.metadata.get("nbgrader", {}).get("grade_id") == name)


def texts(path):
    return [one.source for one in nbformat.read(path, 4).cells]


# --- seals ------------------------------------------------------------------------------------------------------------


def test_only_the_word_opens_a_seal_however_it_is_typed():
    sealed = seal("return 'é'", "Abcd-efgh")
    assert unseal(sealed, " ABCD efgh ") == "return 'é'"
    with pytest.raises(CourseError, match="this code does not open it"):
        unseal(sealed, "abcd-efgi")
    assert seal("return 'é'", "Abcd-efgh") != sealed
    assert "return" not in sealed


@pytest.mark.parametrize("change", [lambda text: text[:-4] + "AAA=", lambda text: "", lambda text: text[:20]])
def test_a_seal_that_was_changed_does_not_open(change):
    with pytest.raises(CourseError, match="does not open it"):
        unseal(change(seal("return 1", "word")), "word")
    with pytest.raises(CourseError, match="no sealed text"):
        unseal("%%%", "word")


def test_every_exercise_has_a_code_of_its_own(course):
    found = codes(course, WORD)
    assert found["toy/exercise/double"] == CODE
    assert len(set(found.values())) == len(found) == 2
    assert codes(course, "Seventeen-Tulips") == found


def test_a_graded_course_has_no_seal_for_after_a_pass(graded_course, course):
    stored = json.loads(sealed_references(graded_course, "toy", WORD))
    assert set(stored["exercises"]["exercise/double"]) == {"code"}


# --- with the code ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [CODE, CODE.upper().replace("-", " "), WORD])
def test_with_the_code_the_reference_is_the_answer_and_the_attempt_stands_behind_it(place, code):
    path = notebook(place, ATTEMPT)
    before = path.read_bytes()
    done = catch_up(path, "double", code=code)
    assert cell(path).source.partition("\n")[2] == REFERENCE
    behind = texts(path)[texts(path).index(cell(path).source) + 1]
    assert behind == f"Your own attempt at `double`:\n\n````python\n{ATTEMPT}\n````"
    assert done.backup.read_bytes() == before
    assert "in place" in done.message


def test_a_stub_leaves_no_attempt_and_a_second_time_changes_nothing(place):
    path = notebook(place, STUB)
    n_cells = len(texts(path))
    catch_up(path, "double", code=CODE)
    assert len(texts(path)) == n_cells
    after = path.read_bytes()
    assert "there already" in catch_up(path, "double", code=CODE).message
    assert path.read_bytes() == after


def test_the_code_of_another_exercise_opens_nothing(place):
    path = notebook(place, STUB)
    before = path.read_bytes()
    with pytest.raises(CourseError, match="code of this very exercise"):
        catch_up(path, "double", code=code_of(WORD, "toy/exercise/count"))
    assert path.read_bytes() == before
    assert not (place / "backup").exists()


def test_a_lost_solution_cell_is_put_back_in_front_of_its_tests(place):
    path = notebook(place, STUB)
    book = nbformat.read(path, 4)
    book.cells = [one for one in book.cells if one.source != STUB]
    toys.write(book, path)
    catch_up(path, "double", code=CODE)
    names = [one.metadata.get("nbgrader", {}).get("grade_id") for one in nbformat.read(path, 4).cells]
    assert names[names.index("double") + 1] == "test_double"
    assert cell(path).metadata.nbgrader.solution


def test_a_renamed_notebook_is_helped_too(place):
    path = notebook(place, STUB, name="exercise of ada.ipynb")
    catch_up(path, "double", code=CODE)
    assert REFERENCE in cell(path).source


# --- after a pass -------------------------------------------------------------------------------------------------------


def test_after_a_pass_the_reference_stands_below_to_compare(place, judged):
    path = notebook(place, toys.RIGHT["double"])
    judged(Verdict.AC)
    for _ in range(2):  # twice is once
        catch_up(path, "double")
    assert cell(path).source == toys.RIGHT["double"]
    shown = [text for text in texts(path) if text.startswith("A reference for `double`")]
    assert len(shown) == 1
    assert REFERENCE in shown[0]


def test_before_a_pass_nothing_is_shown_and_the_exit_code_is_1(place, judged):
    path = notebook(place, ATTEMPT)
    before = path.read_bytes()
    judged(Verdict.WA)
    done = CliRunner().invoke(main, ["catchup", str(path), "double"])
    assert done.exit_code == 1
    assert "double does not pass yet. To go on without it, ask your instructor for its code" in done.stdout
    assert path.read_bytes() == before
    (row,) = json.loads(CliRunner().invoke(main, ["catchup", str(path), "double", "--format", "json"]).stdout)
    assert (row["exercise"], row["backup"]) == ("double", None)
    assert row["message"].startswith("double does not pass yet.")


def test_in_a_graded_course_only_the_code_opens(graded_course, tmp_path, judged):
    judged(Verdict.AC)
    (tmp_path / REFERENCES).write_text(sealed_references(graded_course, "toy", WORD))
    with pytest.raises(CourseError, match="opens with a code only"):
        catch_up(notebook(tmp_path, ATTEMPT), "double")


# --- wrong use ----------------------------------------------------------------------------------------------------------


def test_wrong_use_says_what_to_do(place, tmp_path):
    path = notebook(place, STUB)
    with pytest.raises(CourseError, match="has no exercise 'duoble'; it has double, count"):
        catch_up(path, "duoble", code=CODE)
    (place / REFERENCES).write_text('{"exer')
    with pytest.raises(CourseError, match=r"references\.json is damaged"):
        catch_up(path, "double", code=CODE)
    (place / REFERENCES).unlink()
    with pytest.raises(CourseError, match=r"there is no references\.json beside exercise\.ipynb"):
        catch_up(path, "double", code=CODE)
    path.write_text('{"cells": [')
    with pytest.raises(CourseError, match="is not a Jupyter notebook"):
        catch_up(path, "double", code=CODE)
    assert path.read_text() == '{"cells": ['


# --- in the kit ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("git") is None, reason="a kit is a git repository too")
def test_the_kit_has_references_that_nobody_reads_by_accident(course, tmp_path):
    done = CliRunner().invoke(
        main, ["--course", str(course.root), "kit", str(tmp_path / "out"), "--code", WORD, "--codes"]
    )
    assert done.exit_code == 0, done.output
    assert CODE in done.stdout
    folder = tmp_path / "out" / "toy"
    assert (folder / "release" / "toy" / REFERENCES).is_file()
    assert find_leaks(folder, frozenset({"doubled_by_hand = 2 * values", WORD, CODE})) == []
    path = folder / "release" / "toy" / "exercise.ipynb"
    catch_up(path, "double", code=CODE)
    assert REFERENCE in cell(path).source
    done = CliRunner().invoke(main, ["--course", str(course.root), "kit", str(tmp_path / "out"), "--code", "short"])
    assert done.exit_code == 2
    assert "take at least 8" in done.stderr


def test_the_word_is_drawn_once_and_never_part_of_a_kit(course, tmp_path):
    word = instructors_word(course)
    assert instructors_word(course) == word
    assert len(word) == 16
    kit = make_kit(course, tmp_path / "out", word=word)
    assert find_leaks(kit.folder, frozenset({word})) == []
