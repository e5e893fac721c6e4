"""What a student gets back: nbgrader's page of each notebook, with verdicts, charts and explanations in it, and no scripts.

nbgrader's own template and preprocessors make the page; its converter is left out, because it deletes what went before
when one page fails, and reads students' names from paths.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.api import MissingEntry
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import ClearHiddenTests, GetGrades

from .course import Course
from .errors import CourseError, SubmissionError
from .gradebook import carry_exchange_files, clean_markdown
from .journal import write_whole
from .marks import begin_gradebook, database_url
from .notebook import read_notebook

__all__ = ["Page", "write_feedback"]

_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE)
_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'\">"
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page for a student."""

    student: str
    notebook: str
    path: Path


def write_feedback(
    course: Course,
    assignment: str,
    *,
    students: Sequence[str] | None = None,
    hidden_tests: bool = False,
    told: Callable[[str, int], None] = lambda student, total: None,
) -> list[Page]:
    """Write feedback/<student>/<assignment>/<notebook>.html for everybody who has been graded, or for some.

    A hidden test is shown by what it says; with `hidden_tests` also by its text. Raises `CourseError` when there is nothing
    to write, or the course is in practice mode, where the pages of `autograde report` serve.
    """
    course.check_assignment(assignment)
    if course.settings.practice:
        raise CourseError(
            f"{assignment} is practice, which has no marks to give back: the pages of `autograde report {assignment}` hold "
            "all that is known of each student. Set c.CourseSettings.mode to 'graded' for points and feedback."
        )
    graded = course.graded(assignment)
    if unknown := sorted(set(students or ()) - set(graded)):
        raise CourseError(f"{', '.join(unknown)} has not been graded for {assignment}; there is {', '.join(graded)}")
    wanted = list(graded) if students is None else sorted(set(students))
    if not wanted:
        raise CourseError(f"nobody has been graded for {assignment} yet: run `autograde grade {assignment}` first")
    exporter = _exporter(course, hidden_tests=hidden_tests)
    url = database_url(course)
    begin_gradebook(url)
    pages = []
    for student in wanted:
        for name in course.notebooks(assignment):
            path = course.folder("autograded", student, assignment) / f"{name}.ipynb"
            book = read_notebook(path, error=SubmissionError)
            facts = {"student": student, "assignment": assignment, "notebook": name, "db_url": url}
            try:
                text, _ = exporter.from_notebook_node(book, resources={"nbgrader": facts, "metadata": {"name": name}})
            except MissingEntry as error:  # judged as practice, or a gradebook that is not the one of then
                raise CourseError(
                    f"the gradebook has no marks of {student} for {assignment}: run `autograde release {assignment}`, then "
                    f"`autograde grade {assignment}`, and this again"
                ) from error
            target = course.folder("feedback", student, assignment) / f"{name}.html"
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, _without_scripts(text))
            pages.append(Page(student, name, target))
        carry_exchange_files(course, student, assignment, course.folder("feedback", student, assignment))
        told(student, len(wanted))
    return pages


def _exporter(course: Course, *, hidden_tests: bool) -> Any:
    """nbgrader's exporter for feedback as the course sets it up, made safe whatever that says."""
    config = copy.deepcopy(course.config)
    config.CourseDirectory.root = str(course.root)
    config.NbGrader.logfile = ""
    config.HTMLExporter.sanitize_html = True
    config.HTMLExporter.template_name = "feedback"
    config.HTMLExporter.filters = {"markdown2html": clean_markdown}
    keys = {"metadata", "text/plain", "image/png", "image/jpeg", "image/svg+xml"}  # shown as images
    config.SanitizeHTML.safe_output_keys = keys
    api = NbGraderAPI(config=config)
    made = GenerateFeedback(coursedir=api.coursedir, parent=api)
    exporter = HTMLExporter(config=made.config)
    steps = [GetGrades, *(() if hidden_tests else (ClearHiddenTests,)), CSSHTMLHeaderPreprocessor]
    for step in steps:
        exporter.register_preprocessor(step, enabled=True)
    return exporter


def _without_scripts(page: str) -> str:
    """The page without the scripts of its template, which would come from the net, and with a policy against others."""
    return _SCRIPT.sub("", page).replace("<head>", f"<head>\n{_POLICY}", 1)
