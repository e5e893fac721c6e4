"""What students get has everything they need and nothing that is hidden; an old release stays when a new one fails."""

from __future__ import annotations

import json

import nbformat
import pytest
import toys

from autograde.errors import CourseError
from autograde.gradebook import stubs
from autograde.release import find_leaks, release, secrets

HIDDEN = frozenset(
    {
        "doubled_by_hand = 2 * values",
        "return doubled_by_hand",
        "return sum(int(np.ones(MIB, np.uint8).sum()) for _ in range(n_mib))",
        'assert double(-17) == -34, "double(-17) is -34, which is secret"',
    }
)


def source_of(course):
    return course.root / "source" / "toy" / "exercise.ipynb"


def rewrite(course, change):
    """Change the source notebook."""
    path = source_of(course)
    book = nbformat.read(path, 4)
    change(book)
    nbformat.write(book, path)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A course, and the notebook that its students get."""
    course = toys.write_course(tmp_path_factory.mktemp("release") / "course")
    (course.root / "source" / "toy" / "table.csv").write_text("a,b\n1,2\n")
    return course, nbformat.read(release(course, "toy") / "exercise.ipynb", 4)


def texts(book):
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in book.cells if "nbgrader" in cell.metadata}


def test_solutions_become_stubs_and_hidden_tests_disappear(released):
    assert texts(released[1])["double"] == (
        'def double(values):\n    """Twice the values."""\n    # YOUR CODE HERE\n    raise NotImplementedError()'
    )
    assert texts(released[1])["test_double"] == 'assert double(3) == 6, "double(3) is 6"'


def test_nothing_hidden_is_in_the_release(released):
    course, _ = released
    assert secrets([nbformat.read(source_of(course), 4)]) == HIDDEN
    assert find_leaks(course.release("toy"), HIDDEN) == []


def test_locked_cells_points_and_files_beside_the_notebook_are_kept(released):
    course, book = released
    assert texts(book)["setup"] == toys.SETUP
    meta = {
        cell.metadata.nbgrader.grade_id: cell.metadata.nbgrader for cell in book.cells if "nbgrader" in cell.metadata
    }
    assert meta["test_count_memory"]["points"] == 5
    assert meta["test_count_memory"]["locked"]
    assert (course.release("toy") / "table.csv").read_text() == "a,b\n1,2\n"


def test_only_the_release_is_left_and_no_scratch_folder(released):
    course, _ = released
    assert sorted(path.name for path in (course.root / "release").iterdir()) == ["toy"]


def test_a_release_made_twice_is_the_same_bytes(released, tmp_path):
    course, _ = released
    again = release(course, "toy", target=tmp_path / "again")
    for path in course.release("toy").iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes()


def test_the_stubs_are_what_students_find(released):
    course, book = released
    found = stubs(nbformat.read(source_of(course), 4))
    assert found == {name: text for name, text in texts(book).items() if name in ("double", "count")}


def test_several_assignments_are_released_one_after_the_other_from_one_course(course):
    toys.write(toys.source_book(), course.root / "source" / "next" / "exercise.ipynb")
    for assignment in course.assignments():
        assert release(course, assignment) == course.root / "release" / assignment
    assert sorted(path.name for path in (course.root / "release").iterdir()) == ["next", "toy"]


# --- leaks ------------------------------------------------------------------------------------------------------------


def leak_into_text(book):
    book.cells[0].source += "\n\nFor example `return   doubled_by_hand` at the end."


def leak_into_output(book):
    shown = nbformat.v4.new_output("stream", text="    doubled_by_hand = 2 * values\n")
    plain = toys.plain("show()")
    plain.outputs, plain.execution_count = [shown], 1
    book.cells.append(plain)


def leak_into_metadata(book):
    book.metadata["authors"] = [{"note": "return doubled_by_hand"}]


def leak_hidden_test(book):
    book.cells.append(toys.text('assert double(-17) == -34, "double(-17) is -34, which is secret"'))


@pytest.mark.parametrize("leak", [leak_into_text, leak_hidden_test])
def test_a_copy_of_hidden_text_in_a_markdown_cell_is_found(course, leak):
    rewrite(course, leak)
    with pytest.raises(CourseError, match="hidden lines would get out"):
        release(course, "toy")


def test_a_solution_line_in_a_file_beside_the_notebook_is_found_and_the_old_release_stays(course):
    release(course, "toy")
    old = (course.release("toy") / "exercise.ipynb").read_bytes()
    (course.root / "source" / "toy" / "helpers.py").write_text("def f(values):\n    return doubled_by_hand\n")
    with pytest.raises(
        CourseError, match=r"toy was not released: 1 hidden lines would get out.*helpers\.py: return doub"
    ):
        release(course, "toy")
    assert (course.release("toy") / "exercise.ipynb").read_bytes() == old
    assert sorted(path.name for path in course.release("toy").iterdir()) == ["exercise.ipynb"]
    assert sorted(path.name for path in (course.root / "release").iterdir()) == ["toy"]


def test_a_solution_line_in_metadata_is_found(course):
    rewrite(course, leak_into_metadata)
    with pytest.raises(CourseError, match=r"1 hidden lines would get out.*exercise\.ipynb: return doubled_by_hand"):
        release(course, "toy")
    assert not course.release("toy").exists()


def test_leaks_are_found_wherever_they_hide_in_a_notebook(tmp_path):
    clean = toys.book(toys.text("nothing to see"))
    places = {"text": clean, "output": clean, "attachment": clean, "split": clean}
    for name in places:
        made = nbformat.from_dict(json.loads(json.dumps(clean)))
        if name == "text":
            leak_into_text(made)
        elif name == "output":
            leak_into_output(made)
        elif name == "attachment":
            made.cells[0]["attachments"] = {"a.txt": {"text/plain": "return doubled_by_hand"}}
        else:
            made.cells[0].source = "a\nreturn\n   doubled_by_hand\nb"
        toys.write(made, tmp_path / f"{name}.ipynb")
    found = find_leaks(tmp_path, HIDDEN)
    assert sorted(found) == [
        "attachment.ipynb: return doubled_by_hand",
        "output.ipynb: doubled_by_hand = 2 * values",
        "split.ipynb: return doubled_by_hand",
        "text.ipynb: return doubled_by_hand",
    ]


def test_leaks_are_found_in_folders_below_and_in_files_that_are_not_text(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.bin").write_bytes(b"\xff\x00return doubled_by_hand\xff")
    (tmp_path / "broken.ipynb").write_text('{"cells": return doubled_by_hand')
    assert find_leaks(tmp_path, HIDDEN) == ["a/b/c.bin: return doubled_by_hand", "broken.ipynb: return doubled_by_hand"]


LONGER = """\
def f(values):
    ### BEGIN SOLUTION
    total = 0
    for value in values:
        total += value ** 2
    return total ** 0.5
    ### END SOLUTION"""


@pytest.mark.parametrize("fold", ["{}", "<details><summary>Hint</summary>\n\n{}\n</details>"])
def test_a_single_line_may_be_a_hint_when_it_is_folded_and_three_in_a_row_may_not(fold):
    def found(text):
        book = toys.book(toys.text(fold.format(text)), toys.solution("f", LONGER))
        return [line for line in secrets([book]) if line in text]

    assert bool(found("Begin with `for value in values:`.")) is (fold == "{}")
    copy = " ".join(line.strip() for line in LONGER.splitlines()[2:-1])
    assert "total = 0 for value in values: total += value ** 2" in found(copy)


def test_a_copy_of_a_solution_in_an_open_code_cell_is_found(course):
    copy = "def mine(values):\n    total = 0\n    for value in values:\n        total += value ** 2\n"
    rewrite(course, lambda book: book.cells.extend([toys.solution("f", LONGER), toys.plain(copy)]))
    with pytest.raises(CourseError, match=r"1 hidden lines would get out.*exercise\.ipynb: total = 0 for value in"):
        release(course, "toy")


def test_short_lines_and_lines_that_students_see_anyway_are_no_secrets():
    book = toys.book(
        toys.text("As said: <details>`total = values.sum()`</details>."),
        toys.plain("x = 1\nsquares = values ** 2"),
        toys.solution(
            "f",
            "### BEGIN SOLUTION\nx = 1\nsquares = values ** 2\ntotal = values.sum()\n### END SOLUTION\n"
            "### BEGIN SOLUTION\nreturn total / n_values\n### END SOLUTION",
        ),
    )
    assert secrets([book]) == {"x = 1 squares = values ** 2 total = values.sum()", "return total / n_values"}


def test_a_whole_essay_is_a_secret():
    assert "Because chunks are read whole." in secrets([toys.book(toys.essay("why", "Because chunks are read whole."))])


# --- refused before anything is made ------------------------------------------------------------------------------------


def twice(book):
    book.cells.append(toys.test("test_double", "assert True"))


def unmarked(book):
    book.cells.append(toys.solution("third", "def third(x):\n    return x / 3"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (twice, r"exercise\.ipynb has two cells with the grade_id 'test_double'; every cell needs its own"),
        (unmarked, r"exercise\.ipynb: the solution cell 'third' has no `### BEGIN SOLUTION`.*put the markers around"),
    ],
)
def test_a_source_that_nbgrader_would_let_through_is_refused(course, change, words):
    rewrite(course, change)
    with pytest.raises(CourseError, match=words):
        release(course, "toy")
    assert not (course.root / "release").exists()


def test_what_nbgrader_refuses_is_told_in_its_own_words(course):
    def open_marker(book):
        book.cells.append(toys.solution("third", "### BEGIN SOLUTION\nx\n### END SOLUTION\n### BEGIN SOLUTION\ny"))

    rewrite(course, open_marker)
    with pytest.raises(CourseError, match=r"nbgrader could not release toy: .*no end solution"):
        release(course, "toy")
    assert not course.release("toy").exists()


def test_an_unknown_assignment_is_refused(course):
    with pytest.raises(CourseError, match="no assignment 'tyo'"):
        release(course, "tyo")
