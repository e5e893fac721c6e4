"""The report in a real browser: a hostile submission runs nothing and loads nothing, and the table is whole."""

from __future__ import annotations

import shutil

import pytest
from browser import SCREENSHOTS

from autograde.report import write_report
from autograde.types import Exit, Line, Measurement, Outcome, Problem, Report, Status, TestResult, Verdict

playwright_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs the program chromium")

MIB = 2**20
ATTACKS = (
    "<script>window.pwned = 1; fetch('http://evil.invalid/a')</script>",
    "\"><img src='http://evil.invalid/b' onerror='window.pwned = 2'>",
    "' onmouseover='window.pwned = 3' autofocus onfocus='window.pwned = 4",
    "</title></style></pre></textarea><svg onload='window.pwned = 5'></svg>",
    "<meta http-equiv=refresh content='0;url=http://evil.invalid/c'><base href='http://evil.invalid/'>",
    "<link rel=stylesheet href='http://evil.invalid/d'><iframe srcdoc='<script>parent.pwned = 6</script>'></iframe>",
    "{{ ''.__class__ }}{% raw %} ]]>--> javascript:window.pwned=7",
)
ATTACK = "".join(ATTACKS)


@pytest.fixture(scope="module")
def browser():
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page that notes every request which is not for a file of the report or for data within it."""
    with browser.new_context() as context:
        page = context.new_page()
        page.strangers = []
        page.on(
            "request",
            lambda request: request.url.startswith(("file:", "data:")) or page.strangers.append(request.url),
        )
        page.on("dialog", lambda dialog: page.strangers.append(dialog.message))
        yield page


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """A class of three: right, hostile in every field, missing."""
    line = Line(ATTACK, 1, ATTACK, ATTACK)
    outcomes = {}
    reports = []
    for student, text, verdict, peak in (("ada", "Right.", Verdict.AC, 30), (ATTACK, ATTACK, Verdict.MLE, 318)):
        tests = tuple(
            TestResult(ATTACK, name, verdict, 1.0, 2.0, peak * MIB, 64 * MIB, 1.0, "tree", text)
            for name in ("test_planes", "test_planes_memory", f"test_{ATTACK}", ATTACK)
        )
        reports.append(Report(student, ATTACK, Status.GRADED, text, text, 4.0, 8.0, tests))
        block = Measurement(text, peak * MIB, 64 * MIB, 1.0, line=line, samples=((0.0, 0), (1.0, peak * MIB)))
        for test in tests:
            outcomes[student, ATTACK, test.test] = Outcome(
                ATTACK,
                test.test,
                Exit.RAISED,
                Problem(text, text, True, line, text),
                (block,),
                output=text,
                notes=(text,),
            )
    reports.append(Report("cy", "2-conversion", Status.MISSING, None, ATTACK, None, None))
    return write_report(tmp_path_factory.mktemp("browser") / "report", reports, title=ATTACK, outcomes=outcomes)


@pytest.mark.parametrize("name", ["index.html", "students/1.html", "students/2.html", "students/3.html"])
def test_a_hostile_submission_runs_nothing_and_loads_nothing(page, index, name):
    url = (index.parent / name).as_uri()
    page.goto(url)
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    assert page.strangers == []
    assert page.url == url
    assert page.locator("script").count() == (name == "index.html")  # ours, which sorts
    assert page.locator("iframe, base, textarea, link[rel=stylesheet], meta[http-equiv=refresh]").count() == 0
    for attack in ATTACKS:
        assert attack in page.evaluate("document.body.textContent")


def test_the_policy_forbids_even_a_script_that_got_into_the_page(page, index):
    page.goto(index.as_uri())
    page.evaluate(
        "window.refused = [];"
        "document.addEventListener('securitypolicyviolation', event => refused.push(event.effectiveDirective));"
        "const script = document.createElement('script'); script.textContent = 'window.pwned = 8';"
        "const image = new Image(); image.src = 'http://evil.invalid/e';"
        "document.body.append(script, image)"
    )
    page.wait_for_function("refused.length >= 2")
    assert sorted(page.evaluate("refused")) == ["img-src", "script-src-elem"]
    assert page.evaluate("window.pwned") is None


def test_the_table_has_a_row_for_each_student(page, index):
    page.goto(index.as_uri())
    rows = page.locator("table.class tbody tr")
    assert rows.count() == 3
    assert rows.nth(0).locator("th a").inner_text() == "ada"
    assert rows.nth(0).locator("td.cell .words").all_inner_texts() == ["accepted"] * 4
    assert rows.nth(1).locator("td.cell .words").all_inner_texts() == ["memory exceeded"] * 4
    assert rows.nth(1).locator("td.cell .memory").all_inner_texts() == ["318 of 64 MiB"] * 4
    assert rows.nth(2).locator("td.cell").count() == 0
    assert rows.nth(2).locator("td.across").inner_text() == ATTACK


def test_the_bar_of_a_broken_ceiling_ends_right_of_its_tick_and_others_left(page, index):
    page.goto(index.as_uri())

    def edges(row):
        bar = page.locator("table.class tbody tr").nth(row).locator("svg.bar").first
        peak, tick = bar.locator(".peak").bounding_box(), bar.locator(".tick").bounding_box()
        return peak["x"] + peak["width"], tick["x"]

    within, beyond = edges(0), edges(1)
    assert within[0] < within[1]
    assert beyond[0] > beyond[1] + 10


def test_a_cell_leads_to_its_test_and_back_without_scripts(browser, index):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(index.as_uri())
        page.locator("table.class tbody tr").nth(1).locator("td.cell a").nth(1).click()
        page.wait_for_url("**/students/2.html#t2")
        assert page.locator("#t2 h3").inner_text() == "planes · memory"
        page.locator("nav a").first.click()
        page.wait_for_url("**/index.html")


@pytest.mark.parametrize("width", [800, 360])
def test_a_narrow_window_scrolls_the_table_and_not_the_page(page, index, width):
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(index.as_uri())
    page.evaluate("document.querySelector('.scroll').scrollLeft = 400")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    name, box = page.locator("tbody .who").first.bounding_box(), page.locator(".scroll").first.bounding_box()
    assert name["x"] == pytest.approx(box["x"], abs=3)


def test_charts_are_drawn(page, index):
    page.goto((index.parent / "students/2.html").as_uri())
    charts = page.locator("figure img")
    assert charts.count() == 4
    assert charts.evaluate_all("all => all.map(image => image.complete && image.naturalWidth)") == [520] * 4


def test_a_heading_sorts_by_its_column_and_missing_submissions_come_last(page, index):
    page.goto(index.as_uri())
    names = page.locator("table.class tbody .who > a")
    assert names.first.inner_text() == "ada"
    heads = page.locator("table.class th[data-sort]")
    memory = heads.filter(has_text="memory").first
    memory.click()
    memory.click()
    assert memory.get_attribute("aria-sort") == "descending"
    assert names.nth(0).inner_text() != "ada"
    assert names.nth(2).inner_text() == "cy"
    heads.filter(has_text="student").focus()
    page.keyboard.press("Enter")
    assert memory.get_attribute("aria-sort") is None
    assert page.strangers == []


@pytest.mark.parametrize(("students", "width"), [(3, 1400), (3, 390), (300, 1400), (300, 390)])
def test_a_class_of_any_size_fits_and_is_sorted_without_a_network(page, tmp_path, students, width):
    reports = []
    for number in range(students):
        verdict = Verdict.AC if number % 3 else Verdict.MLE
        tests = tuple(
            TestResult(
                "n", f"test_{exercise}_memory", verdict, 1.0, 2.0, (number % 97 + 1) * MIB, 64 * MIB, 1.0, "tree", "x"
            )
            for exercise in ("stack", "pyramid")
        )
        reports.append(Report(f"student {number}", "2-conversion", Status.GRADED, "process", "", 2.0, 4.0, tests))
    path = write_report(tmp_path / "report", reports, title="2-conversion")
    page.set_viewport_size({"width": width, "height": 1000})
    page.goto(path.as_uri())
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"report-{students}-{width}.png", full_page=students == 3)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("svg.dots").first.locator("circle").count() == students
    page.locator("table.class th[data-sort='0']").click()
    shown = page.locator("table.class tbody .who > a").all_inner_texts()
    assert shown == [f"student {number}" for number in range(students)]  # 2 before 10
    assert page.strangers == []
