"""Where nbgrader comes in: it makes the release, it asks our judge, it makes feedback. Nothing of it is patched.

`Rebuild` and `Judge` are preprocessors for `nbgrader autograde` and the formgrader's button; nbgrader_config.py names them.
`marks` writes what they and `autograde grade` have found into nbgrader's gradebook.
"""

from __future__ import annotations

import copy
import json
import re
import tempfile
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import bleach
import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.filters import markdown2html
from nbformat import v4
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions, NbGraderPreprocessor
from traitlets.config.loader import LazyConfigValue

from .chart import chunk_chart, memory_chart
from .course import Course, find_course
from .errors import CourseError, JudgeError, SubmissionError
from .examples import mark_examples
from .explain import summarize
from .journal import storage, write_whole
from .marks import Marks, begin_gradebook, database_url
from .notebook import merge, read_notebook
from .types import Outcome, TestResult, Verdict, to_jsonable

__all__ = [
    "Judge",
    "MarkExamples",
    "OpenHiddenTests",
    "Rebuild",
    "SafeExporter",
    "annotate",
    "carry_exchange_files",
    "clean_markdown",
    "generate_release",
    "stubs",
    "write_autograded",
]


# --- release ----------------------------------------------------------------------------------------------------------


class MarkExamples(NbGraderPreprocessor):  # type: ignore[misc]
    """Notes in a release which cells are worked examples, so that judging leaves out those that nobody uses."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        mark_examples(nb)
        return nb, resources


class OpenHiddenTests(NbGraderPreprocessor):  # type: ignore[misc]
    """Hidden tests stay, without their markers: in place of nbgrader's ClearHiddenTests where students get all tests."""

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        if cell.cell_type == "code":
            cell.source = _HIDDEN_MARKER.sub("", cell.source).rstrip("\n")
        return cell, resources


_HIDDEN_MARKER = re.compile(r"^[ \t]*#+ (BEGIN|END) HIDDEN TESTS[^\n]*(\n|\Z)", re.MULTILINE)


def generate_release(
    course: Course, assignment: str, target: Path, *, full_tests: bool = False, keep_marks: bool = True
) -> None:
    """Let nbgrader make the student version of `assignment` below `target` (`target/<assignment>/`).

    With `full_tests` hidden tests stay in. Without `keep_marks` the gradebook hears nothing of it. Raises `CourseError` with
    nbgrader's own words when it refuses.
    """
    config = copy.deepcopy(course.config)  # its own copy() shares the sections
    config.CourseDirectory.root = str(course.root)
    config.CourseDirectory.release_directory = str(target)
    config.NbGrader.logfile = ""
    if full_tests:
        steps = config.GenerateAssignment.get("preprocessors", [])
        if isinstance(steps, LazyConfigValue):  # some were added to those that nbgrader has
            steps = steps.get_value(GenerateAssignment.preprocessors.default())
        steps = steps or GenerateAssignment.preprocessors.default()
        config.GenerateAssignment.preprocessors = [
            OpenHiddenTests if one is ClearHiddenTests or str(one).endswith(".ClearHiddenTests") else one
            for one in steps
        ]
    if keep_marks:
        config.CourseDirectory.db_url = database_url(course)
        begin_gradebook(config.CourseDirectory.db_url)
    else:
        config.GenerateAssignment.no_database = True
        config.SaveCells.enabled = False
    api = NbGraderAPI(config=config)
    api.coursedir.root = str(course.root)
    result = api.generate_assignment(assignment, force=True, create=True)
    if not result["success"]:
        raise CourseError(f"nbgrader could not release {assignment}: {_last_words(result)}")
    for path in (target / assignment).rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _last_words(result: Mapping[str, Any]) -> str:
    """The last line that names an error: the log ends with several that say only that there was one."""
    lines = str(result.get("log", "")).splitlines() + str(result.get("error", "")).splitlines()
    named = [line.strip() for line in lines if re.match(r"\s*(\w+\.)*\w+(Error|Exception|Entry): (?!Please see)", line)]
    return named[-1][:600] if named else "\n".join(lines)[-600:]


def stubs(notebook: Any) -> dict[str, str]:
    """The text that students find in each solution cell of a source notebook, by grade_id."""
    resources: dict[str, Any] = {}
    cleared, _ = ClearSolutions(enforce_metadata=False).preprocess(nbformat.from_dict(notebook), resources)
    return {
        cell.metadata.nbgrader.grade_id: cell.source
        for cell in cleared.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


# --- what formgrader and feedback show --------------------------------------------------------------------------------


def annotate(book: Any, results: Iterable[TestResult], outcomes: Mapping[str, Outcome]) -> Any:
    """Write results into the outputs of the test cells of a rebuilt notebook, where nbgrader looks for them."""
    by_test = {result.test: result for result in results}
    for cell in book.cells:
        result = by_test.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if result is None or cell.cell_type != "code":
            continue
        outcome = outcomes.get(result.test)
        outputs: list[Any] = [
            v4.new_output("display_data", {"image/svg+xml": memory_chart(block), "text/plain": summarize(block)})
            for block in (outcome.blocks if outcome else ())
        ]
        outputs += [
            v4.new_output("display_data", {"image/svg+xml": chunk_chart(one), "text/plain": one.words})
            for one in (outcome.touched if outcome else ())
            if one.grids
        ]
        if result.verdict is Verdict.AC:
            outputs.append(v4.new_output("stream", name="stdout", text=f"✓ {result.message}\n"))
        else:
            words = result.verdict.words if result.verdict else "waits for a person"
            message = textwrap.fill(result.message, 100)  # formgrader and feedback do not wrap it
            outputs.append(
                v4.new_output("error", ename=words, evalue=result.message, traceback=[f"✗ {words}", message])
            )
        cell.outputs = outputs
        cell.execution_count = 1
    return book


#: What formulas can do beyond being read: MathJax makes links of them, and runs what they name.
_ACTS = re.compile(r"\\(?=(href|cssId|class|style|require|unicode|Extra)\b)")
_TAGS = frozenset(bleach.ALLOWED_TAGS) | {
    *("br", "del", "details", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "p", "pre", "span", "sub"),
    *("summary", "sup", "table", "tbody", "td", "th", "thead", "tr"),
}


def clean_markdown(text: str) -> str:
    """Markdown as HTML that runs nothing and loads nothing, whoever wrote it.

    The filter `markdown2html` of feedback and formgrader: `sanitize_html` does not reach the templates of nbgrader 0.9.6,
    which show markdown cells as they come, in a page that may change marks.

    >>> clean_markdown("*mine* <img src=x onerror='steal()'>").strip()
    '<p><em>mine</em> <img></p>'
    >>> "href{" in clean_markdown("$" + chr(92) + "href{javascript:steal()}{x}$").replace("backslash href", "")
    False
    """
    text = _ACTS.sub(r"\\backslash ", text)
    return str(
        bleach.clean(
            markdown2html(text),
            tags=_TAGS,
            attributes={"a": _may_stay, "img": _may_stay, "*": ["class"]},
            protocols=["http", "https", "mailto", "data"],
            strip=True,
        )
    )


def _may_stay(tag: str, name: str, value: str) -> bool:
    """Links to elsewhere, pictures that lie in the notebook itself, and their words."""
    if name in ("alt", "title"):
        return True
    starts = ("http://", "https://", "mailto:", "#") if tag == "a" else ("data:image/",)
    return name == ("href" if tag == "a" else "src") and value.startswith(starts)


def write_autograded(course: Course, student: str, assignment: str, books: Mapping[str, Any]) -> None:
    """Write the judged notebooks to autograded/, each aside and then in place."""
    folder = course.folder("autograded", student, assignment)
    with storage(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, book in books.items():
        write_whole(folder / f"{name}.ipynb", nbformat.writes(book))
    carry_exchange_files(course, student, assignment, folder)


def carry_exchange_files(course: Course, student: str, assignment: str, folder: Path) -> None:
    """Copy what the exchange wants beside a submission when it gives back feedback; links, which lead anywhere, are not."""
    for name in ("timestamp.txt", "submission_secret.txt"):
        path = course.submitted(student, assignment) / name
        if path.is_file() and not path.is_symlink():
            write_whole(folder / name, path.read_bytes()[:4096].decode("utf-8", "replace"))


# --- inside `nbgrader autograde` ----------------------------------------------------------------------------------------


class SafeExporter(NotebookExporter):
    """Reads any submission: one that is not a notebook becomes an empty notebook, so that nothing stops or is deleted."""

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> Any:
        try:
            book = read_notebook(Path(filename), error=SubmissionError)
        except SubmissionError as error:
            self.log.warning("%s", error)
            book = v4.new_notebook(cells=[v4.new_markdown_cell(f"**This submission cannot be read.** {error}")])
        export: Any = self.from_notebook_node
        converted = export(book, resources=resources, **kwargs)
        return converted


class Rebuild(NbGraderPreprocessor):  # type: ignore[misc]
    """The student's texts in the instructor's notebook: the first step of `nbgrader autograde`."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        facts = resources["nbgrader"]
        course = find_course(Path.cwd())  # nbgrader has gone to the course's root
        source = read_notebook(course.source(facts["assignment"]) / f"{facts['notebook']}.ipynb")
        book, _ = merge(source, nb)
        return book, resources


class Judge(NbGraderPreprocessor):  # type: ignore[misc]
    """Judges a rebuilt notebook in a process of its own, and saves the points: the second step of `nbgrader autograde`."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        # here: the judge's modules are of no use to release and record
        from .submission import for_team, judge_submission, share_by_hand, teams_of

        facts = resources["nbgrader"]
        course, assignment, notebook = find_course(Path.cwd()), facts["assignment"], facts["notebook"]
        with tempfile.TemporaryDirectory(prefix="autograde-nbgrader-") as folder:
            path = Path(folder) / "submission.ipynb"
            path.write_text(nbformat.writes(nb), encoding="utf-8")
            judged = judge_submission(course, assignment, facts["student"], {notebook: path}, only=notebook)
        if judged.report.status == "judge_error":
            raise JudgeError(judged.report.message)
        annotate(nb, judged.report.tests, {outcome.test: outcome for outcome in judged.outcomes})
        resources["autograde"] = json.loads(json.dumps(to_jsonable(judged.report)))
        team = teams_of(course, assignment).get(facts["student"])
        with Marks(course, assignment) as marks:
            for one in [judged] if team is None else for_team(course, assignment, judged, team, only=notebook):
                marks.put(one.entry(only=notebook))
        if team is not None:
            share_by_hand(course, assignment, team)
            for words in (*team.notes, f"The result is also that of {', '.join(team.members) or 'nobody else'}."):
                self.log.warning("%s", words)
        return nb, resources
