"""Any nbgrader course directory will do; what is wrong with one is said with what to do."""

from __future__ import annotations

import pytest
import toys

from autograde.course import Settings, find_course
from autograde.errors import CourseError
from autograde.notebook import Kind


def test_a_course_is_found_from_any_folder_below(course):
    below = course.root / "submitted" / "ada" / "toy"
    below.mkdir(parents=True)
    assert find_course(below).root == course.root


def test_a_folder_that_is_in_no_course_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(CourseError, match=r"is not in a course directory: expected .*nbgrader_config\.py.*--course"):
        find_course(tmp_path)


def test_a_course_without_source_is_refused(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    with pytest.raises(CourseError, match=r"has nbgrader_config\.py but no source/ folder"):
        find_course(tmp_path)


@pytest.mark.parametrize("text", ["c = get_config(", "import no_such_module_at_all\n", "1 / 0\n"])
def test_settings_that_are_broken_python_are_refused_by_name(tmp_path, text):
    (tmp_path / "source").mkdir()
    (tmp_path / "nbgrader_config.py").write_text(text)
    with pytest.raises(CourseError, match=r"nbgrader_config\.py cannot be read: (SyntaxError|Module|ZeroDivision)"):
        find_course(tmp_path)


def test_an_empty_configuration_is_practice_with_defaults(tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "nbgrader_config.py").write_text("")
    found = find_course(tmp_path)
    assert found.settings == Settings("practice", 120.0, 120.0, 1.0, {})
    assert found.settings.practice
    assert found.assignments() == ()


def test_settings_are_read_and_ceilings_become_bytes(tmp_path):
    more = (
        "c.CourseSettings.cell_seconds = 7\n"
        "c.CourseSettings.ceiling_scale = 1.5\n"
        'c.CourseSettings.ceilings = {"count": "96 MiB", "test_double": 4096}\n'
    )
    found = toys.write_course(tmp_path, mode="graded", more=more).settings
    assert found.mode == "graded"
    assert not found.practice
    assert (found.cell_seconds, found.test_seconds, found.ceiling_scale) == (7, 60, 1.5)
    assert found.ceilings == {"count": 100_663_296, "test_double": 4096}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("c.CourseSettings.mode = 'strict'", r"mode is 'strict', expected 'practice' or 'graded'"),
        ("c.CourseSettings.sped = 1", r"has no sped; it has mode, cell_seconds"),
        ("c.CourseSettings.test_seconds = 0", r"test_seconds is 0, expected a number above zero"),
        ("c.CourseSettings.cell_seconds = '9'", r"cell_seconds is '9', expected a number above zero"),
        ("c.CourseSettings.ceiling_scale = -1.5", r"ceiling_scale is -1.5, expected a number above zero"),
        ("c.CourseSettings.ceilings = {'count': 'lots'}", r"expected a size such as '64 MiB' or '1.5 GB', got 'lots'"),
    ],
)
def test_a_wrong_setting_is_refused_with_what_is_expected(tmp_path, line, words):
    with pytest.raises(CourseError, match=words):
        toys.write_course(tmp_path, more=line)


def test_an_unknown_assignment_is_refused_with_those_that_there_are(course):
    with pytest.raises(CourseError, match=r"no assignment 'tyo' in .*source; there is: toy"):
        course.notebooks("tyo")


def test_the_notebooks_of_an_assignment_are_read_by_name(course):
    notebook = course.notebooks("toy")["exercise"]
    assert [cell.kind for cell in notebook.cells] == [
        Kind.TEXT,
        Kind.SETUP,
        Kind.SOLUTION,
        Kind.TEST,
        Kind.SOLUTION,
        Kind.TEST,
    ]
    assert notebook.exercises() == {"double": ("test_double",), "count": ("test_count_memory",)}


def test_a_folder_without_a_notebook_is_no_assignment(course):
    (course.root / "source" / "drafts").mkdir()
    (course.root / "source" / "README.md").write_text("how to write exercises")
    assert course.assignments() == ("toy",)


def test_students_are_the_folders_that_hold_the_assignment_whatever_they_are_called(course):
    for student in ("zoë o'neill", "ada", "名前 with spaces"):
        toys.hand_in(course, student, toys.source_book())
    toys.hand_in(course, "late", toys.source_book(), assignment="other")
    assert course.students("toy") == ("ada", "zoë o'neill", "名前 with spaces")


def test_without_submissions_there_are_no_students(course):
    assert course.students("toy") == ()


def test_nbgraders_own_directory_structure_is_honoured(tmp_path):
    more = (
        "c.CourseDirectory.source_directory = 'teacher'\n"
        "c.CourseDirectory.submitted_directory = 'in'\n"
        "c.CourseDirectory.directory_structure = '{nbgrader_step}/{assignment_id}/{student_id}'\n"
    )
    (tmp_path / "teacher" / "toy").mkdir(parents=True)
    found = toys.write_course(tmp_path, {}, more=more)
    assert found.submitted("ada", "toy") == tmp_path / "in" / "toy" / "ada"
    found.submitted("ada", "toy").mkdir(parents=True)
    found.submitted("ben", "other").mkdir(parents=True)
    assert found.students("toy") == ("ada",)


def test_assignments_are_found_where_the_directory_structure_puts_them(tmp_path):
    more = "c.CourseDirectory.directory_structure = '{nbgrader_step}/all/{student_id}/{assignment_id}'\n"
    (tmp_path / "source").mkdir()
    found = toys.write_course(tmp_path, {}, more=more)
    toys.write(toys.source_book(), tmp_path / "source" / "all" / "toy" / "exercise.ipynb")
    assert found.assignments() == ("toy",)
