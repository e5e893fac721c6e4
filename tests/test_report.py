"""The report says in words what the facts are, and nothing that a student wrote becomes markup."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from autograde import report as report_module
from autograde.classview import Mark
from autograde.errors import CourseError
from autograde.report import write_report
from autograde.types import (
    ChunkGrid,
    Exit,
    Line,
    Measurement,
    Outcome,
    Problem,
    Report,
    Status,
    TestResult,
    Touched,
    Verdict,
)

MIB = 2**20
SCRIPT = "<script>document.title = 'pwned'</script>\"'><img src=x onerror=alert(1)>"


def result(
    test="test_planes", verdict=Verdict.AC, message="", *, notebook="1-read", peak=None, ceiling=None, points=1.0
):
    return TestResult(notebook, test, verdict, points, 13.0, peak, ceiling, 1.5, "tree", message)


def graded(student, *tests, status=Status.GRADED, message="", score=3.0, max_score=17.0):
    return Report(student, "2-conversion", status, "bubblewrap" if tests else None, message, score, max_score, tests)


def block(peak, ceiling=64 * MIB, **facts):
    return Measurement("tree", peak, ceiling, 1.5, **facts)


class Page(HTMLParser):
    """What a browser would see: elements with attributes, and text without the style sheet."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.pieces: list[str] = []
        self.skipping = False
        self.feed(path.read_text(encoding="utf-8"))
        self.text = re.sub(r"\s+", " ", "".join(self.pieces))

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.skipping = tag == "style"
        if tag in {"td", "th", "p", "span", "li", "div", "tr"}:
            self.pieces.append(" ")

    def handle_endtag(self, tag):
        self.skipping = False

    def handle_data(self, data):
        if not self.skipping:
            self.pieces.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def pages(tmp_path):
    """Write a report, give back the index and the students' pages as a browser sees them."""

    def write(*reports, **options):
        index = write_report(tmp_path / "report", reports, **({"title": "Autumn"} | options))
        return [Page(index), *(Page(index.parent / "students" / f"{n + 1}.html") for n in range(len(reports)))]

    return write


@pytest.mark.parametrize("verdict", [*Verdict, None])
def test_every_verdict_is_said_in_words_with_a_sign(pages, verdict):
    words = verdict.words if verdict else "left for a person"
    for page in pages(graded("ada", result(verdict=verdict))):
        assert words in page.text
        assert f"#sign-{verdict or 'person'}" in [sign["href"] for sign in page.all("use")]


def test_no_verdict_is_a_bare_code(pages):
    for page in pages(graded("ada", *(result(f"test_{verdict.name.lower()}", verdict) for verdict in Verdict))):
        assert not re.search(r"\b(AC|WA|RTE|MLE|TLE|NS|JE)\b", page.text)


def test_a_peak_that_was_not_observed_is_never_zero(pages):
    tests = result("test_planes_memory", Verdict.JE, ceiling=64 * MIB)
    facts = Outcome("1-read", "test_planes_memory", Exit.JUDGE_ERROR, blocks=(block(None),))
    index, student = pages(graded("ada", tests), outcomes={("ada", "1-read", "test_planes_memory"): facts})
    for page in (index, student):
        assert "not observed, of 64 MiB" in page.text
        assert not re.search(r"\b0 (B|MiB|of 64)", page.text)
    assert [image["alt"] for image in student.all("img")] == ["peak not observed of 64 MiB allowed, 1.5 s, meter: tree"]


@pytest.mark.parametrize(
    ("peak", "ceiling", "label", "filled", "over", "beyond"),
    [
        (32 * MIB, 64 * MIB, "32 of 64 MiB", 30.0, False, False),
        (64 * MIB, 64 * MIB, "64 of 64 MiB", 60.0, False, False),
        (80 * MIB, 64 * MIB, "80 of 64 MiB", 75.0, True, False),
        (318 * MIB, 64 * MIB, "318 of 64 MiB", 100.0, True, True),
        (1536 * MIB, 128 * MIB, "1.50 GiB of 128 MiB", 100.0, True, True),
        (0, 64 * MIB, "0 B of 64 MiB", 0.0, False, False),
    ],
)
def test_a_bar_runs_past_its_tick_when_the_ceiling_is_broken(peak, ceiling, label, filled, over, beyond):
    bar = report_module._bar(result(peak=peak, ceiling=ceiling), None)
    assert (bar.label, bar.filled, bar.over, bar.beyond) == (label, filled, over, beyond)


def test_a_peak_at_which_the_code_was_stopped_is_a_lower_bound():
    facts = Outcome("1-read", "test_planes", Exit.LIMIT, blocks=(block(60 * MIB, stopped=True),))
    bar = report_module._bar(result(peak=60 * MIB, ceiling=64 * MIB), facts)
    assert bar.label == "at least 60 of 64 MiB"
    assert bar.over


def test_a_test_without_a_ceiling_has_no_bar():
    assert report_module._bar(result(peak=5 * MIB), None) is None


def test_the_tests_of_an_exercise_stand_side_by_side_under_its_name():
    reports = [
        graded("ada", result("test_b_hidden"), result("why"), result("test_a", notebook="2-write")),
        graded("bo", result("test_b"), result("test_b_memory"), result("test_a")),
    ]
    columns = report_module._columns(reports)
    assert [(column.notebook, column.exercise, column.part) for column in columns] == [
        ("1-read", "b", "shown"),
        ("1-read", "b", "memory"),
        ("1-read", "b", "hidden"),
        ("1-read", "why", None),
        ("1-read", "a", "shown"),
        ("2-write", "a", "shown"),
    ]


def test_the_header_spans_add_up_to_the_cells_of_a_row(pages):
    tests = [result("test_a"), result("test_a_hidden"), result("why"), result("test_b", notebook="2-write")]
    index = pages(graded("ada", *tests), graded("bo", status=Status.MISSING))[0]
    spans = [int(cell["colspan"]) for cell in index.all("th") if "notebook" in cell.get("class", "")]
    across = [cell for cell in index.all("td") if cell.get("class") == "across"]
    assert spans == [3, 1]
    assert across[0]["colspan"] == "4"


def test_the_summary_counts_each_submission_once(pages):
    right, wrong = result(), result(verdict=Verdict.WA)
    index = pages(
        graded("a", right),
        graded("b", right),
        graded("c", wrong),
        graded("d", status=Status.UNREADABLE, message="Not a notebook: ask for the file again."),
        graded("e", status=Status.MISSING, message="Nothing was handed in."),
        graded("f", right, status=Status.MANUAL),
        graded("g", wrong, result("why", None)),
        graded("h", status=Status.JUDGE_ERROR),
        graded("i"),
    )[0]
    assert (
        "9 submissions: 2 complete, 2 with something to mend, 1 unreadable, 1 missing, "
        "1 where the judge failed, 2 left for a person" in index.text
    )
    assert "Not a notebook: ask for the file again." in index.text
    assert "Nothing was handed in." in index.text


def test_a_class_of_nobody_is_a_page(pages):
    assert "0 submissions" in pages()[0].text


def test_a_test_that_has_no_result_says_so(pages):
    assert "no result" in pages(graded("a", result()), graded("b", result("test_other")))[0].text


def test_an_exercise_is_summed_up_by_the_first_test_that_stopped_each_student(pages):
    def student(name, shown, memory):
        return graded(name, result("test_d2", shown), result("test_d2_memory", memory))

    reports = [student(f"right{n}", Verdict.AC, Verdict.AC) for n in range(5)]
    reports += [student("wrong", Verdict.WA, Verdict.MLE), student("wrong too", Verdict.WA, Verdict.AC)]
    reports += [student("hungry", Verdict.AC, Verdict.MLE), graded("late", status=Status.MISSING)]
    assert "d2 5 of 8 through; 2 wrong answer, 1 memory exceeded" in pages(*reports)[0].text


def test_equal_messages_are_one_stumbling_block(pages):
    wrong = result(verdict=Verdict.WA, message="Level 1 has the shape of level 0.")
    reports = [graded("ada", wrong), graded("bo", wrong, result("test_x", Verdict.WA, wrong.message))]
    index = pages(*reports, graded("cy", result(message="Right."), result("test_x", Verdict.RTE, "Only mine.")))[0]
    stumbles = index.text.split("What the class stumbles over")[1]
    assert stumbles.count("Level 1 has the shape of level 0.") == 1
    assert "2 students: ada, bo · in test_planes, test_x" in stumbles
    assert "1 message that one student met Only mine. 1 student: cy · in test_x" in stumbles
    assert "Right." not in stumbles


def test_points_are_shown_when_grading(pages):
    index, student, *_ = pages(graded("ada", result()), graded("bo", result(), status=Status.MANUAL))
    assert "3 of 17" in index.text
    assert "3 of 17 so far" in index.text
    assert "3 of 17 points" in student.text
    assert "1 of 13 points" in student.text


def test_missing_points_are_not_zero(pages):
    index, student = pages(graded("ada", result(verdict=Verdict.JE, points=None), score=None))
    assert "not marked, of 17" in index.text
    assert "not marked, of 13 points" in student.text


def test_practice_shows_a_tick_or_not_yet_and_no_points(pages):
    for page in pages(graded("ada", result()), graded("bo", result(verdict=Verdict.WA)), practice=True):
        assert "point" not in page.text
        assert "of 17" not in page.text
        assert "of 13" not in page.text
    index = pages(graded("ada", result()), graded("bo", result(verdict=Verdict.WA)), practice=True)[0]
    assert "ada complete ✓" in index.text
    assert "bo something to mend not yet" in index.text


def test_a_student_page_holds_all_that_is_known_of_a_test(pages):
    line = Line("solution_planes", 4, "    volume = stack[:]", "planes")
    facts = Outcome(
        "1-read",
        "test_planes_memory",
        Exit.RAISED,
        problem=Problem("ValueError", "bad", True, line, "Traceback\n\x1b[0;31mValueError\x1b[0m: bad\n"),
        blocks=(block(30 * MIB), block(318 * MIB, line=line)),
        touched=(Touched("a.zarr: 2 chunks read", (ChunkGrid("a.zarr", (3,), {"1": 2}, {}),)), Touched("b: nothing")),
        wall_seconds=1.5,
        limit_seconds=60.0,
        output="printed text",
        notes=("The notebook held 1 GiB before.",),
    )
    test = result(
        "test_planes_memory", Verdict.MLE, "Too much: `stack[:]`. Try slabs.", peak=318 * MIB, ceiling=64 * MIB
    )
    _, page = pages(graded("ada", test), outcomes={("ada", "1-read", "test_planes_memory"): facts})
    for text in (
        "memory exceeded",
        "Too much: stack[:]. Try slabs.",
        "Line 4 of planes, in cell solution_planes",
        "volume = stack[:]",
        "Traceback ValueError: bad",
        "printed text",
        "The notebook held 1 GiB before.",
        "memory: 318 of 64 MiB · time: 1.5 s of 60 s · meter: tree",
        "all submissions",
    ):
        assert text in page.text
    charts = [image["src"] for image in page.all("img")]
    assert len(charts) == 3
    assert page.all("img")[2]["alt"] == "a.zarr: 2 chunks read"
    for chart in charts:
        assert base64.b64decode(chart.removeprefix("data:image/svg+xml;base64,")).startswith(b"<svg ")


def test_cells_lead_to_their_test(pages):
    index, first, second = pages(graded("ada", result()), graded("bo", result("test_other"), result()))
    links = [link["href"] for link in index.all("a")]
    assert {"students/1.html#t1", "students/2.html#t1", "students/2.html#t2"} <= set(links)
    assert [section.get("id") for section in second.all("section")] == ["t1", "t2"]
    assert "../index.html" in [link["href"] for link in first.all("a")]


def hostile_class():
    """A submission that puts markup, control characters and broken text wherever text can come from."""
    line = Line(SCRIPT, 1, SCRIPT, SCRIPT)
    test = TestResult(SCRIPT, f"test_{SCRIPT}", Verdict.WA, 0.0, 1.0, 2 * MIB, MIB, 1.0, SCRIPT, f"`{SCRIPT}` {SCRIPT}")
    facts = Outcome(
        SCRIPT,
        test.test,
        Exit.RAISED,
        problem=Problem(SCRIPT, SCRIPT, True, line, SCRIPT),
        blocks=(Measurement(SCRIPT, 2 * MIB, MIB, 1.0, line=line),),
        touched=(Touched(SCRIPT, (ChunkGrid(SCRIPT, (2,), {"0": 1}, {}),)),),
        output=f"{SCRIPT}\x00\x1b]0;title\x07\ud800\u202e",
        notes=(SCRIPT,),
    )
    report = Report(SCRIPT, SCRIPT, Status.GRADED, SCRIPT, SCRIPT, 0.0, 1.0, (test,))
    unreadable = Report("../../x", SCRIPT, Status.UNREADABLE, None, SCRIPT, None, None)
    return [report, unreadable], {(SCRIPT, SCRIPT, test.test): facts}


def test_what_students_write_never_becomes_markup(pages):
    reports, outcomes = hostile_class()
    for number, page in enumerate(pages(*reports, outcomes=outcomes, title=SCRIPT)):
        assert SCRIPT in page.text
        assert len(page.all("script")) == (number == 0)
        assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in page.all("img"))
        assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
        policy = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
        assert policy[0].startswith("default-src 'none'; style-src 'unsafe-inline'; ")
        assert "img-src data:; base-uri 'none'" in policy[0]
        ours = base64.b64encode(hashlib.sha256(report_module._script().encode()).digest()).decode()
        assert re.findall("script-src [^;]*", policy[0]) == ([f"script-src 'sha256-{ours}'"] if number == 0 else [])


def test_output_that_cannot_be_written_as_text_is_shown_by_signs(tmp_path):
    reports, outcomes = hostile_class()
    text = (
        write_report(tmp_path / "report", reports, title="x", outcomes=outcomes).parent / "students/1.html"
    ).read_text(encoding="utf-8")
    assert "\u2400\ufffd\u202e</pre>" in text
    assert "\x00" not in text


def test_file_names_do_not_depend_on_ids(tmp_path):
    ids = ["../../x", "/etc/passwd", "..", "", "a" * 5000, "CON", "same", "same"]
    write_report(tmp_path / "deep" / "report", [graded(name, result()) for name in ids], title="x")
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    tables = {"deep/report/results.csv", "deep/report/results.json", "deep/report/marks.csv"}
    assert written == {
        "deep/report/index.html",
        *tables,
        *(f"deep/report/students/{n}.html" for n in range(1, len(ids) + 1)),
    }


def test_a_very_long_text_is_cut_and_says_so(pages):
    _, student = pages(graded("ada", result(verdict=Verdict.RTE, message="m" * 1_000_000)))
    assert "… (960000 more characters)" in student.text
    assert len(student.text) < 100_000


def test_an_earlier_report_is_replaced_whole(tmp_path):
    write_report(tmp_path / "report", [graded("ada", result()), graded("bo", result())], title="old")
    index = write_report(tmp_path / "report", [graded("ada", result())], title="new")
    assert index == tmp_path / "report" / "index.html"
    assert "new" in index.read_text(encoding="utf-8")
    assert [path.name for path in (tmp_path / "report" / "students").iterdir()] == ["1.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_the_same_facts_give_the_same_pages(tmp_path):
    reports, outcomes = hostile_class()
    one, two = (write_report(tmp_path / name, reports, title="x", outcomes=outcomes) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("when", ["a page is made", "the folder takes its place"])
def test_an_exception_in_the_middle_leaves_the_old_report(tmp_path, monkeypatch, when):
    write_report(tmp_path / "report", [graded("ada", result())], title="old")
    if when == "a page is made":

        def fail(measurement):
            raise RuntimeError("in the middle")

        monkeypatch.setattr(report_module, "memory_chart", fail)
    else:
        rename = Path.rename

        def fail(self, target):
            if self.name == "new":
                raise RuntimeError("in the middle")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", fail)
    facts = Outcome("1-read", "test_planes", Exit.PASSED, blocks=(block(MIB),))
    reports = [graded("bo", result()), graded("ada", result())]
    with pytest.raises(RuntimeError, match="in the middle"):
        write_report(tmp_path / "report", reports, title="new", outcomes={("ada", "1-read", "test_planes"): facts})
    assert "old" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert [path.name for path in (tmp_path / "report" / "students").iterdir()] == ["1.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("name", ["thesis.tex", "students/notes.txt", "students/deep/1.html"])
def test_a_folder_that_is_not_a_report_is_left_alone(tmp_path, name):
    precious = tmp_path / "home" / name
    precious.parent.mkdir(parents=True)
    precious.write_text("years of work")
    with pytest.raises(CourseError, match=r"expected a new folder or an earlier report at .*; nothing was written"):
        write_report(tmp_path / "home", [], title="x")
    assert precious.read_text() == "years of work"


def test_a_file_is_not_replaced_by_a_report(tmp_path):
    (tmp_path / "marks.csv").write_text("ada,3")
    with pytest.raises(CourseError, match=r"found 'marks\.csv' there"):
        write_report(tmp_path / "marks.csv", [], title="x")


# --- the class as a whole, and as tables ------------------------------------------------------------------------------


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_test_says_how_many_passed_and_how_the_others_failed(pages):
    verdicts = [Verdict.AC, Verdict.AC, Verdict.WA, Verdict.MLE]
    reports = [graded(f"s{number}", result(verdict=verdict)) for number, verdict in enumerate(verdicts)]
    index = pages(*reports, graded("gone", result(verdict=Verdict.NS), status=Status.MISSING))[0]
    assert "2 of 4" in index.text
    assert "1 wrong answer, 1 memory exceeded" in index.text


def test_a_ceiling_that_is_too_tight_is_seen_at_once(pages):
    def student(name, peak, verdict=Verdict.AC):
        return graded(name, result("test_a_memory", verdict, peak=peak * MIB, ceiling=64 * MIB))

    index = pages(student("far", 10), student("near", 60), student("above", 70, Verdict.MLE))[0]
    assert "1 accepted with more than two thirds of it, 1 just above it" in index.text
    dots = [float(dot["cx"]) for dot in index.all("circle") if dot.get("r") == "1.1"]
    tick = next(float(line["x1"]) for line in index.all("line") if line.get("y2") == "16")
    assert [left < tick for left in dots] == [True, True, False]
    assert "two thirds" not in pages(student("far", 10), student("beyond", 200, Verdict.MLE))[0].text


def test_what_crashed_was_slow_or_failed_to_be_judged_leads_to_its_place(pages):
    tests = [result("test_a", Verdict.RTE), result("test_b", Verdict.JE, "no space left on device", points=None)]
    died = Outcome("1-read", "test_a", Exit.DIED, Problem("Died", "it was ended by SIGSEGV", True))
    index = pages(graded("ada", *tests), outcomes={("ada", "1-read", "test_a"): died})[0]
    assert "Crashed ada , test_a: it was ended by SIGSEGV" in index.text.replace("ada,", "ada ,")
    assert "test_b: no space left on device" in index.text
    assert "test_a: 1.5 s" in index.text
    assert "students/1.html#t2" in [link["href"] for link in index.all("a")]


def test_marks_are_those_of_the_gradebook_and_missing_submissions_do_not_count(pages, tmp_path):
    by_hand = Mark(9.0, 10.0, 1.0, waits_for_person=False, first_name="Ada", last_name="L", email="ada@example.org")
    reports = [graded("ada", result(), status=Status.MANUAL), graded("bo", result(), score=1.7), graded("cy")]
    index = pages(*reports[:2], graded("cy", status=Status.MISSING), marks={"ada": by_hand})[0]
    assert "50 % of the points on average" in index.text  # 90 % and 10 %
    assert "9 of 10" in index.text
    assert "so far" not in index.text
    ada, bo, cy = rows_of(tmp_path / "report" / "marks.csv")
    assert [ada[name] for name in ("first_name", "last_name", "email", "score", "max_score", "percent")] == [
        *("Ada", "L", "ada@example.org", "9.0", "10.0", "90.0")
    ]
    assert (bo["percent"], bo["late_penalty"], cy["status"]) == ("10.0", "", "missing")


def test_tables_hold_odd_names_whole_and_no_formula(pages, tmp_path):
    odd = ["o'neill, zoë", 'say "hi"', "two\nlines", "=1+1", "名前", "-x"]
    pages(*(graded(name, result(message="=cmd()", points=-1.0)) for name in odd))
    results = rows_of(tmp_path / "report" / "results.csv")
    assert [row["student"].lstrip("'") for row in results] == odd
    assert {row["message"] for row in results} == {"'=cmd()"}
    assert {row["points"] for row in results} == {"-1.0"}
    assert results[3]["student"] == "'=1+1"
    told = json.loads((tmp_path / "report" / "results.json").read_text(encoding="utf-8"))
    assert [report["student"] for report in told] == odd


def test_in_practice_the_table_for_a_platform_has_no_points(pages, tmp_path):
    index = pages(graded("ada", result()), practice=True)[0]
    (ada,) = rows_of(tmp_path / "report" / "marks.csv")
    assert (ada["passed"], ada["tests"], ada["score"], ada["percent"]) == ("1", "1", "", "")
    assert "on average" not in index.text


def test_feedback_is_linked_from_each_row(pages):
    index = pages(graded("ada", result()), links={"ada": [("imaging", "../../feedback/ada/x/imaging.html")]})[0]
    assert "../../feedback/ada/x/imaging.html" in [link["href"] for link in index.all("a")]
