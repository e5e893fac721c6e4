"""Nothing that a student wrote is lost when a release is mended, whatever state the notebook is in."""

from __future__ import annotations

import copy
import zipfile

import nbformat
import pytest
import toys
from click.testing import CliRunner

from autograde.cli import main
from autograde.errors import CourseError
from autograde.update import carry_over, stamp, update_notebook

STUB = "def double(values):\n    raise NotImplementedError()"
ANSWER = toys.RIGHT["double"]


def with_id(cell, name):
    cell["id"] = name
    return cell


def handed_out():
    """As students got it."""
    return toys.book(
        with_id(toys.text("# A toy"), "title"),
        toys.setup(toys.SETUP),
        with_id(toys.text("Write it."), "intro"),
        toys.solution("double", STUB),
        with_id(toys.plain("predicted = None"), "predict"),
        toys.test("test_double", "assert double(3) == 7"),
        toys.solution("count", "def count(n): ..."),
        with_id(toys.text("The end."), "end"),
    )


def mended():
    """The release without its mistakes: another title, test and description of `count`, a new exercise."""
    made = handed_out()
    made.cells[0].source = "# A mended toy"
    made.cells[5].source = "assert double(3) == 6"
    made.cells[6].source = "def count(n_mib): ..."
    made.cells.insert(7, toys.solution("third", "def third(): ..."))
    return made


def at(book, name):
    """The cell with this grade_id or id."""
    return next(c for c in book.cells if name in (c.metadata.get("nbgrader", {}).get("grade_id"), c.get("id")))


def sources(book):
    return [cell.source for cell in book.cells]


def worked_on(stamped=True):
    """Half-finished: one answer, own cells at three places, a prediction, a note in a text of the release."""
    made = stamp(handed_out()) if stamped else handed_out()
    at(made, "double").source = ANSWER
    at(made, "double").outputs = [nbformat.v4.new_output("stream", text="mine")]
    at(made, "predict").source = "predicted = 5"
    at(made, "end").source = "The end. Note: ask about chunks."
    made = toys.before(made, "double", toys.plain("try_this = 1"))
    made.cells.insert(0, toys.text("My name is Ada."))
    made.cells.append(toys.plain("at_the_end = 2"))
    return made


def test_answers_own_cells_and_changed_cells_stay_and_the_rest_is_new():
    book, notes = carry_over(mended(), worked_on())
    assert sources(book) == [
        "My name is Ada.",
        "# A mended toy",
        toys.SETUP,
        "Write it.",
        "try_this = 1",
        ANSWER,
        "predicted = 5",
        "assert double(3) == 6",
        "def count(n_mib): ...",
        "def third(): ...",
        "The end. Note: ask about chunks.",
        "at_the_end = 2",
    ]
    assert at(book, "double").outputs[0].text == "mine"
    assert notes == ("New, or put back: `third`.",)
    nbformat.validate(book)


def test_without_a_stamp_nothing_is_lost_either():
    mine = worked_on(stamped=False)
    book, _ = carry_over(mended(), mine)
    assert {ANSWER, "predicted = 5", "try_this = 1", "at_the_end = 2", "My name is Ada."} <= set(sources(book))
    assert "The end. Note: ask about chunks." in sources(book)
    assert "# A mended toy" in sources(book)
    assert "assert double(3) == 7" not in sources(book)


def test_an_answer_to_an_exercise_that_changed_is_kept_and_told():
    mine = stamp(handed_out())
    at(mine, "count").source = "def count(n): return n"
    book, notes = carry_over(mended(), mine)
    assert at(book, "count").source == "def count(n): return n"
    assert any("`count` has changed in the release: your answer is kept" in note for note in notes)


def test_an_answer_to_an_exercise_that_is_gone_is_kept():
    fresh = mended()
    fresh.cells = [cell for cell in fresh.cells if cell is not at(fresh, "double")]
    book, notes = carry_over(fresh, worked_on())
    assert ANSWER in sources(book)
    kept = next(cell for cell in book.cells if cell.source == ANSWER)
    assert "nbgrader" not in kept.metadata
    assert "The exercise `double` is no part of the release any more; your answer is kept." in notes


def test_a_changed_test_is_as_released_again_and_told():
    mine = worked_on()
    at(mine, "test_double").source = "assert True"
    book, notes = carry_over(mended(), mine)
    assert at(book, "test_double").source == "assert double(3) == 6"
    assert any("changed the locked cell `test_double`" in note for note in notes)


def test_cells_pasted_twice_deleted_and_moved_do_no_harm():
    mine = worked_on()
    twice = copy.deepcopy(at(mine, "double"))
    twice.source = "def double(values):\n    return 'second thoughts'"
    mine.cells = [*reversed([c for c in mine.cells if c is not at(mine, "setup")]), twice]
    book, notes = carry_over(mended(), mine)
    assert {ANSWER, twice.source} <= set(sources(book))
    assert sources(book).count("at_the_end = 2") == 1
    names = [name for c in book.cells if (name := c.metadata.get("nbgrader", {}).get("grade_id"))]
    assert names == ["setup", "double", "test_double", "count", "third"]
    assert "New, or put back: `setup`, `third`." in notes
    assert len({cell["id"] for cell in book.cells}) == len(book.cells)


def test_a_copy_of_a_cell_of_the_release_is_an_own_cell():
    mine = worked_on()
    mine.cells.append(toys.text("Write it."))
    assert sources(carry_over(mended(), mine)[0]).count("Write it.") == 2


def test_a_notebook_without_ids_is_matched_by_its_texts():
    mine = worked_on()
    for cell in mine.cells:
        del cell["id"]
    book, _ = carry_over(mended(), mine)
    assert sources(book).count("Write it.") == 1
    assert {ANSWER, "try_this = 1", "at_the_end = 2"} <= set(sources(book))


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_command_keeps_a_backup_and_a_second_time_changes_nothing(tmp_path):
    path = toys.write(worked_on(), tmp_path / "mine" / "exercise.ipynb")
    before = path.read_bytes()
    fresh = toys.write(stamp(mended()), tmp_path / "new" / "release" / "mine" / "exercise.ipynb")
    done = CliRunner().invoke(main, ["update", str(path), "--release", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    assert "New, or put back: `third`." in done.stdout
    (backup,) = (path.parent / "backup").iterdir()
    assert backup.read_bytes() == before
    assert ANSWER in sources(nbformat.read(path, 4))
    after = path.read_bytes()
    done = CliRunner().invoke(main, ["update", str(path), "--release", str(fresh)])
    assert "It is up to date." in done.stdout
    assert path.read_bytes() == after
    assert sorted(one.name for one in path.parent.iterdir()) == ["backup", "exercise.ipynb"]
    done = CliRunner().invoke(main, ["update", str(path), "--release", str(fresh), "--format", "csv"])
    assert done.stdout.splitlines() == ["notebook,backup,note", f"{path},,It is up to date."]


def test_the_release_may_be_a_kits_zip(tmp_path):
    path = toys.write(worked_on(), tmp_path / "toy" / "exercise.ipynb")
    with zipfile.ZipFile(tmp_path / "kit.zip", "w") as archive:
        archive.writestr("kit/release/other/exercise.ipynb", nbformat.writes(toys.book()))
        archive.writestr("kit/release/toy/exercise.ipynb", nbformat.writes(stamp(mended())))
    update_notebook(path, tmp_path / "kit.zip")
    assert "# A mended toy" in sources(nbformat.read(path, 4))
    (tmp_path / "bad.zip").write_text("no")
    with pytest.raises(CourseError, match=r"bad\.zip cannot be read"):
        update_notebook(path, tmp_path / "bad.zip")


def test_a_notebook_of_a_course_finds_its_release(course):
    path = toys.write(worked_on(), course.submitted("ada", "toy") / "exercise.ipynb")
    toys.write(mended(), course.release("toy") / "exercise.ipynb")
    assert update_notebook(path).backup is not None
    with pytest.raises(CourseError, match="which release"):
        update_notebook(course.release("toy") / "exercise.ipynb")


@pytest.mark.parametrize("text", ["", '{"cells": [{"cell_type": "co', "[]"])
def test_a_damaged_notebook_is_left_alone_with_advice(tmp_path, text):
    fresh = toys.write(mended(), tmp_path / "new" / "exercise.ipynb")
    path = tmp_path / "exercise.ipynb"
    path.write_text(text)
    with pytest.raises(CourseError, match="is not a Jupyter notebook"):
        update_notebook(path, fresh)
    assert path.read_text() == text
    assert not (tmp_path / "backup").exists()


def test_a_release_that_is_not_there_is_wrong_use(tmp_path):
    path = toys.write(worked_on(), tmp_path / "exercise.ipynb")
    (tmp_path / "new").mkdir()
    with pytest.raises(CourseError, match=r"there is no exercise\.ipynb in"):
        update_notebook(path, tmp_path / "new")
    with pytest.raises(CourseError, match="carried into itself"):
        update_notebook(path, path)
