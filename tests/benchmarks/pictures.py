"""The pictures of the guides, taken anew: `make demo && python tests/benchmarks/pictures.py`.

report.png is the report of the demo; board.png a room of thirty simulated laptops half way through a morning; marking.png
and team.png the formgrader, in which a project of a team is marked by its rubric, and the marks after the autograde button.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from nbgrader.api import Gradebook
from PIL import Image

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
import room  # noqa: E402 - beside this file
from browser import chromium, jupyter, new_page, with_answers  # noqa: E402

from autograde.cohort import grade  # noqa: E402
from autograde.course import find_course  # noqa: E402
from autograde.release import release  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "autograde" / "images"
PROJECT, NOTEBOOK = "8-project-without-code", "project"
ANSWERS = {
    "question": "Does our light sheet drift by more than one voxel a day? For the three labs that share it.",
    "work": "Beads on Monday and Tuesday, 1 GiB each (0.4 x 0.4 x 1.0 µm), registered with our tool, version 0.1. "
    "The first try failed: half of the beads were bright in one channel only.",
    "feedback": "Team 3: your figure of chunks helped us. We did not understand its colours. Try: a scale bar.",
}
MARKS = {"question": "2", "work": "5", "feedback": "3"}


def keep(page: Any, name: str) -> None:
    """Save what the page shows, in 64 colours: small enough for a guide."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = IMAGES / name
    picture.quantize(64).save(path, optimize=True)
    click.echo(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e3:.0f} kB")


def formgrader(browser: Any, folder: Path) -> None:
    """The project of a team of two, and of somebody alone, marked in the formgrader."""
    root = folder / "course"
    shutil.copytree(ROOT / "source" / PROJECT, root / "source" / PROJECT)
    settings = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    (root / "nbgrader_config.py").write_text(settings.replace('mode = "practice"', 'mode = "graded"'), encoding="utf-8")
    course = find_course(root)
    released = release(course, PROJECT) / f"{NOTEBOOK}.ipynb"
    for student in ("ada", "zoe"):
        with_answers(released, course.submitted(student, PROJECT) / released.name, ANSWERS)
    (course.submitted("ada", PROJECT) / "team.yml").write_text("members: [ada, bo]\n", encoding="utf-8")
    grade(course, PROJECT, roster=("ada", "bo", "zoe"))
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as book:
        marked = book.find_submission_notebook(NOTEBOOK, PROJECT, "ada").id
    with jupyter(root, folder / "jupyter") as address, new_page(browser, width=1100, height=560) as page:
        page.goto(f"{address}/formgrader/submissions/{marked}")
        page.wait_for_load_state("networkidle")  # before the marks are there nothing that is typed is kept
        for name, mark in MARKS.items():
            box = page.locator(f"input.score#{name}")
            with page.expect_response(lambda answer: "/api/grade/" in answer.url and answer.ok):
                box.fill(mark)
                box.press("Tab")
        comment = page.locator("textarea.comment").first
        with page.expect_response(lambda answer: "/api/comment/" in answer.url and answer.ok):
            comment.fill("One sentence, and somebody who waits for the answer: well done.")
            comment.press("Tab")
        page.locator("input.score#question").evaluate("box => { box.scrollIntoView(); window.scrollBy(0, -220) }")
        keep(page, "marking.png")
        page.goto(f"{address}/formgrader/manage_submissions/{PROJECT}")
        page.locator("tr", has_text="ada").locator("td.autograde a").click()
        page.locator(".modal.in").get_by_role("button", name="OK").click()
        page.locator(".modal.in").wait_for(state="detached")
        page.reload()  # only ada's own row is made anew
        page.locator("tr", has_text="bo").get_by_text("10 / 20").wait_for()
        page.set_viewport_size({"width": 1200, "height": 450})
        keep(page, "team.png")


@click.command()
def main() -> None:
    """Take the pictures of the guides anew."""
    report = ROOT / "build" / "demo" / "report" / "index.html"
    if not report.is_file():
        raise click.ClickException("there is no report of the demo; run `make demo` first")
    places = room.places_of(find_course(ROOT), ["2-conversion"])
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        with new_page(browser, width=1180, height=620) as page:
            page.goto(report.as_uri())
            keep(page, "report.png")
        path = Path(folder) / "board.txt"
        with (
            room.running_board(path, places, title="out-of-core") as address,
            new_page(browser, width=1000, height=640) as page,
        ):
            room.run(address, places, laptops=30, rounds=2)
            page.goto(address)
            keep(page, "board.png")
        formgrader(browser, Path(folder))


if __name__ == "__main__":
    main()
