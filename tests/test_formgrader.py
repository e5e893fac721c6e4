"""nbgrader as instructors use it: its commands and its formgrader judge, mark and show what `autograde grade` does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from browser import (
    CHROMIUM,
    REPOSITORY,
    chromium,
    environment,
    jupyter,
    nbgrader_cell,
    new_page,
    screenshot,
    with_answers,
    write_notebook,
)
from nbformat import v4
from nbgrader.api import Gradebook, MissingEntry

pytest.importorskip("playwright.sync_api")

ASSIGNMENT, NOTEBOOK = "1-toy", "sums"
ATTACK = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'><a href='javascript:pwned = 3'>a</a>"
SOLUTION = """\
def total(n):
    ### BEGIN SOLUTION
    return sum(float(np.ones(1024).sum()) for _ in range(0, n, 1024))
    ### END SOLUTION
"""
HIDDEN = """\
# Hidden: other sizes.
### BEGIN HIDDEN TESTS
assert total(4096) == 4096
### END HIDDEN TESTS
"""
MEMORY = """\
with ceiling("32 MiB"):
    result = total(2**20)
assert result == 2**20, f"Expected {2**20}, got {result}."
"""
RIGHT = """\
def total(n):
    return sum(float(np.ones(1024).sum()) for _ in range(0, n, 1024))
"""
HUNGRY = f"""\
def total(n):
    print("{ATTACK}")
    values = np.ones((8, n))  # {ATTACK}
    return float(values[0].sum())
"""
MESSAGE = "Right answer, too much memory: "


def run(course, *command):
    """Run a command of this environment in a course; gives what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=course,
        env=environment(course / ".jupyter", AUTOGRADE_SCALE="tiny"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def marks(course):
    """The points of each test by student, as nbgrader's gradebook has them; None where nothing was graded."""
    found = {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "toy") as book:
        for student in ("hungry", "right", "torn"):
            try:
                submission = book.find_submission_notebook(NOTEBOOK, ASSIGNMENT, student)
                found[student] = {grade.name: grade.score for grade in submission.grades}
            except MissingEntry:
                found[student] = None
    return found


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A course whose toy assignment has been released, and handed in by three: right, hungry and hostile, torn."""
    course = tmp_path_factory.mktemp("released") / "course"
    write_notebook(
        course / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb",
        [
            nbgrader_cell("locked", "setup", "import numpy as np\n\nfrom autograde import ceiling"),
            nbgrader_cell("solution", "total", SOLUTION),
            nbgrader_cell("test", "test_total", "assert total(2048) == 2048", 1),
            nbgrader_cell("test", "test_total_hidden", HIDDEN, 2),
            nbgrader_cell("test", "test_total_memory", MEMORY, 3),
        ],
    )
    settings = (REPOSITORY / "nbgrader_config.py").read_text(encoding="utf-8")
    settings = settings.replace('mode = "practice"', 'mode = "graded"').replace('"out-of-core"', '"toy"')
    assert 'mode = "graded"' in settings
    (course / "nbgrader_config.py").write_text(settings, encoding="utf-8")
    run(course, "autograde", "release", ASSIGNMENT)

    template = course / "release" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    assert "4096" not in template.read_text(encoding="utf-8"), "hidden tests stay with the instructor"
    for student, answer in (("right", RIGHT), ("hungry", HUNGRY)):
        handed_in = course / "submitted" / student / ASSIGNMENT / template.name
        book = with_answers(template, handed_in, {"total": answer})
        if student == "hungry":
            book.cells[2:2] = [
                v4.new_markdown_cell(f"My notes {ATTACK}"),
                v4.new_code_cell(f'from IPython.display import HTML, display\n\ndisplay(HTML("""{ATTACK}"""))'),
            ]
            write_notebook(handed_in, book.cells)
    torn = course / "submitted" / "torn" / ASSIGNMENT / template.name
    torn.parent.mkdir(parents=True)
    torn.write_text(template.read_text(encoding="utf-8")[:500], encoding="utf-8")
    return course


@pytest.fixture(scope="module")
def graded(released, tmp_path_factory):
    """The marks that `autograde grade` gives, in a copy of the course."""
    course = shutil.copytree(released, tmp_path_factory.mktemp("grade") / "course")
    reports = json.loads(run(course, "autograde", "grade", ASSIGNMENT, "--format", "json"))
    points = {report["student"]: {test["test"]: test["points"] for test in report["tests"]} for report in reports}
    assert points["hungry"] == {"test_total": 1, "test_total_hidden": 2, "test_total_memory": 0}
    assert points["right"] == {"test_total": 1, "test_total_hidden": 2, "test_total_memory": 3}
    in_gradebook = marks(course)
    assert {student: in_gradebook[student] for student in ("hungry", "right")} == {
        student: points[student] for student in ("hungry", "right")
    }
    return in_gradebook


@pytest.fixture(scope="module")
def autograded(released, tmp_path_factory):
    """A copy of the course in which `nbgrader autograde` has run."""
    course = shutil.copytree(released, tmp_path_factory.mktemp("autograde") / "course")
    run(course, "nbgrader", "autograde", ASSIGNMENT)
    return course


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs the program chromium")
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def formgrader(released, browser, tmp_path_factory):
    """A copy of the course, and a page of the formgrader in it."""
    folder = tmp_path_factory.mktemp("formgrader-page")
    course = shutil.copytree(released, folder / "course")
    with (
        jupyter(course, folder / "jupyter", AUTOGRADE_SCALE="tiny") as address,
        new_page(browser, height=1500) as page,
    ):
        page.address = address
        yield course, page


@pytest.fixture(scope="module")
def shown(formgrader, graded):
    """The page in which an instructor looks at the hungry submission, judged by the button."""
    course, page = formgrader
    page.goto(f"{page.address}/formgrader/manage_submissions/{ASSIGNMENT}")
    page.locator("tr", has_text="hungry").locator("td.autograde a").click()
    page.locator(".modal.in").wait_for()
    assert marks(course)["hungry"] == graded["hungry"]
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "toy") as book:
        submission = book.find_submission_notebook(NOTEBOOK, ASSIGNMENT, "hungry").id
    page.goto(f"{page.address}/formgrader/submissions/{submission}")
    page.wait_for_function("document.getElementById('test_total_memory')?.placeholder === '0'")
    screenshot(page, "formgrader-2-submission")
    return page


@pytest.fixture(scope="module")
def feedback(autograded, browser, tmp_path_factory):
    """The page that the hungry student gets back."""
    course = shutil.copytree(autograded, tmp_path_factory.mktemp("feedback") / "course")
    run(course, "nbgrader", "generate_feedback", ASSIGNMENT, "--student", "hungry")
    with new_page(browser, height=1500) as page:
        page.goto((course / "feedback" / "hungry" / ASSIGNMENT / f"{NOTEBOOK}.html").as_uri())
        screenshot(page, "feedback-hungry")
        yield page


@pytest.fixture(params=["formgrader", "feedback"])
def view(request):
    """Either page on which somebody reads what the judge says of the hungry submission."""
    return request.getfixturevalue("shown" if request.param == "formgrader" else "feedback")


def test_nbgrader_autograde_gives_the_same_marks(autograded, graded):
    assert marks(autograded) == graded


def test_a_torn_submission_is_kept_and_does_not_stop_the_others(released, autograded, graded):
    file = f"submitted/torn/{ASSIGNMENT}/{NOTEBOOK}.ipynb"
    assert (autograded / file).read_bytes() == (released / file).read_bytes()
    assert (autograded / f"autograded/torn/{ASSIGNMENT}/{NOTEBOOK}.ipynb").exists()
    assert sum(graded["right"].values()) == 6
    assert not any((marks(autograded)["torn"] or {}).values())


def test_nbgrader_generate_assignment_makes_the_same_release(released, tmp_path):
    course = shutil.copytree(released, tmp_path / "course", ignore=shutil.ignore_patterns("release", "gradebook.db"))
    run(course, "nbgrader", "generate_assignment", ASSIGNMENT)
    file = f"release/{ASSIGNMENT}/{NOTEBOOK}.ipynb"
    assert json.loads((course / file).read_bytes()) == json.loads((released / file).read_bytes())


def test_the_formgrader_autogrades_one_submission(formgrader, graded):
    course, page = formgrader
    page.goto(f"{page.address}/formgrader/manage_submissions/{ASSIGNMENT}")
    page.locator("tr", has_text="right").locator("td.autograde a").click()
    dialog = page.locator(".modal.in")
    dialog.wait_for()
    screenshot(page, "formgrader-1-autograded")
    assert "Successfully autograded" in dialog.inner_text()
    assert marks(course)["right"] == graded["right"]


def test_the_message_is_shown_with_the_marks(view):
    assert MESSAGE in (words := " ".join(view.locator("body").inner_text().split()))
    assert "Line 3 of `total`, `values = np.ones((8, n))" in words
    assert "Try: " in words
    assert "Accepted." in words


def test_the_message_is_not_cut_off(view):
    message = view.locator("pre", has_text=MESSAGE)
    assert message.evaluate("pre => pre.scrollWidth - pre.clientWidth") <= 0


def test_the_chart_is_shown(view):
    pictures = view.locator("img[src^='data:image/svg+xml']")
    assert pictures.evaluate_all("all => Promise.all(all.map(i => i.decode().then(() => i.naturalWidth)))") == [520]
    assert pictures.first.is_visible()
    assert "data:image" not in view.locator("body").inner_text()


def test_nothing_that_a_student_wrote_runs(view):
    assert view.evaluate("window.pwned") is None
    assert view.locator("[onerror], a[href^=javascript]").count() == 0
    assert "My notes" in view.locator("body").inner_text()


def test_hidden_tests_stay_hidden_from_students(feedback):
    words = feedback.locator("body").inner_text()
    assert "Hidden: other sizes." in words
    assert "4096" not in words
