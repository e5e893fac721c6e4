"""JupyterLab in a real browser: what a student sees when a test cell runs, and that the laptop survives."""

from __future__ import annotations

import re
import shutil
from urllib.parse import unquote

import nbformat
import pytest
from browser import (
    CHROMIUM,
    REPOSITORY,
    LabNotebook,
    chromium,
    jupyter,
    nbgrader_cell,
    new_page,
    screenshot,
    write_notebook,
)
from nbformat.v4 import new_code_cell

from autograde.course import find_course
from autograde.release import release

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs the program chromium")

GOOD, BAD = "#2a7f62", "#c0392b"  # the colours of a chart
ASSIGNMENT, EXERCISE = "2-conversion", "tiff_stack_to_zarr"
GALLERY = REPOSITORY / "tests" / "gallery" / ASSIGNMENT / EXERCISE
RUNAWAY = """\
def tiff_stack_to_zarr(folder, out, chunks):
    kept = []
    while True:
        kept.append(np.ones((1024, 1024)))
"""
SMALL = "small.ipynb"
SMALL_TEST = """\
with ceiling("32 MiB"):
    result = total(2**20)
assert result == 2**20
"""
SMALL_HUNGRY = """\
def total(n):
    values = np.ones((8, n))
    return values[0].sum()
"""
SMALL_MENDED = """\
def total(n):
    return sum(np.ones(2**16).sum() for _ in range(0, n, 2**16))
"""
LEFT = "left.ipynb"
LEFT_CELL = "data = np.ones(6 * 2**20)  # to have a look\ndata.mean()"
GROWING = "growing.ipynb"
GROWING_SETUP = """\
import tempfile

import numpy as np
import zarr

from autograde import projected, reads, slope

folder = tempfile.mkdtemp()
movie = zarr.create_array(f"{folder}/movie.zarr", shape=(96, 64, 64), chunks=(16, 32, 64), dtype="uint16")
movie[:] = 7
"""
GROWING_TEST = """\
growth = slope(lambda n: total(n), 32 * 2**20, 128 * 2**20, data=(32 * 2**20, 128 * 2**20))
assert growth.results == (32 * 2**20, 128 * 2**20)
"""
GROWING_HUNGRY = """\
def total(n):
    values = np.ones(n, np.uint8)
    return int(values.sum())
"""
GROWING_READS = """\
with reads(f"{folder}/movie.zarr") as r:
    movie[0], movie[20], movie[:, 1, 1]
"""


def gallery(verdict, name):
    return (GALLERY / verdict / f"{name}.py").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """JupyterLab in a folder with the released notebook and a small one; yields its address."""
    folder = tmp_path_factory.mktemp("lab")
    course = folder / "course"
    shutil.copytree(REPOSITORY / "source" / ASSIGNMENT, course / "source" / ASSIGNMENT)
    shutil.copy(REPOSITORY / "nbgrader_config.py", course)
    work = folder / "work"
    work.mkdir()
    for path in release(find_course(course), ASSIGNMENT).glob("*.ipynb"):
        shutil.copy(path, work)
    write_notebook(
        work / SMALL,
        [
            nbgrader_cell("locked", "setup", "import numpy as np\n\nfrom autograde import ceiling"),
            nbgrader_cell("solution", "total", "def total(n):\n    raise NotImplementedError()"),
            nbgrader_cell("test", "test_total_memory", SMALL_TEST, 1),
        ],
    )
    write_notebook(
        work / LEFT,
        [
            nbgrader_cell("locked", "setup", "import numpy as np\n\nfrom autograde import ceiling"),
            nbgrader_cell("solution", "total", SMALL_MENDED),
            new_code_cell(LEFT_CELL),
            nbgrader_cell("test", "test_total_memory", SMALL_TEST, 1),
            new_code_cell(f"from autograde.check import show\n\nshow({LEFT!r})"),
        ],
    )
    write_notebook(
        work / GROWING,
        [
            nbgrader_cell("locked", "setup", GROWING_SETUP),
            nbgrader_cell("solution", "total", GROWING_HUNGRY),
            nbgrader_cell("test", "test_total_slope", GROWING_TEST, 1),
            nbgrader_cell("test", "look", GROWING_READS, 1),
        ],
    )
    with jupyter(work, folder / "jupyter", AUTOGRADE_DATA=str(folder / "data")) as address:
        yield address, work


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def exercise(server, browser):
    """The released notebook, open, with its set-up cell and the helpers of exercise 1 run."""
    address, work = server
    with new_page(browser, height=1500) as page:
        notebook = LabNotebook(page, address, "imaging.ipynb")
        for cell in ("setup", "helpers", "check_stack"):
            expect(notebook.run(cell)).not_to_contain_text("Error")
        notebook.stub = next(
            cell.source
            for cell in nbformat.read(work / "imaging.ipynb", as_version=4).cells
            if cell.metadata.get("nbgrader", {}).get("grade_id") == EXERCISE
        )
        yield notebook


def answer(notebook, text):
    notebook.write(EXERCISE, text)
    expect(notebook.run(EXERCISE)).to_have_text("")


def chart(output):
    """The text of the one chart in an output, which the browser has drawn."""
    picture = output.locator(".jp-RenderedSVG img")
    expect(picture).to_have_count(1)
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 520
    return unquote(picture.get_attribute("src"))


def test_an_untouched_stub_says_that_it_is_not_implemented(exercise):
    answer(exercise, exercise.stub)
    output = exercise.run(f"test_{EXERCISE}")
    screenshot(exercise.page, "lab-1-stub")
    expect(output).to_contain_text("raise NotImplementedError()")
    expect(output).to_contain_text(re.compile(r"NotImplementedError:?\s*$"))


def test_a_hungry_answer_reads_which_line_it_was_and_sees_a_chart(exercise):
    answer(exercise, gallery("memory_exceeded", "imread_of_the_folder"))
    output = exercise.run(f"test_{EXERCISE}_memory")
    message = output.locator(".jp-OutputArea-output").last
    expect(message).to_contain_text("MemoryCeilingExceeded: Right answer, too much memory: ")
    screenshot(exercise.page, "lab-2-hungry")
    words = " ".join(message.inner_text().split())
    assert re.search(
        r"memory: 1\d\d MiB, 72 MiB allowed\. Line 9 of `tiff_stack_to_zarr`, `volume = tifffile\.imread\(paths\)`,",
        words,
    )
    assert "Try: read one file (or a few planes), write it, and let it go before you read the next." in words
    assert "Traceback" not in words
    assert "of 72 MiB allowed" in (drawn := chart(output))
    assert BAD in drawn
    assert GOOD not in drawn


def test_a_mended_answer_passes_and_its_chart_is_green(exercise):
    answer(exercise, gallery("accepted", "slabs_into_one_buffer"))
    output = exercise.run(f"test_{EXERCISE}_memory")
    drawn = chart(output)
    screenshot(exercise.page, "lab-3-mended")
    assert re.search(r"✓ peak \d\d MiB of 72 MiB allowed", drawn)
    assert f'stroke="{GOOD}"' in drawn
    expect(output.locator(".jp-OutputArea-output")).to_have_count(1)


def test_a_runaway_answer_is_stopped_and_the_kernel_stays_usable(exercise):
    answer(exercise, RUNAWAY)
    output = exercise.run(f"test_{EXERCISE}_memory")
    message = output.locator(".jp-OutputArea-output").last
    expect(message).to_contain_text("MemoryCeilingExceeded: Too much memory: stopped at ")
    screenshot(exercise.page, "lab-4-runaway")
    words = " ".join(message.inner_text().split())
    stopped_mib = int(re.search(r"stopped at (\d+) MiB, before it got worse; 72 MiB are allowed", words)[1])
    assert 256 <= stopped_mib < 1024, "at four times the ceiling, and as soon as the next poll"
    assert "Line 4 of `tiff_stack_to_zarr`, `kept.append(np.ones((1024, 1024)))`," in words
    assert "✗ stopped at" in chart(output)

    # the same kernel, with what it had: nothing was restarted, and the memory is free again
    answer(exercise, gallery("accepted", "slabs_into_one_buffer"))
    expect(exercise.run(f"test_{EXERCISE}")).to_have_text("✓ passed")


def test_memory_that_grows_and_chunks_that_are_read_are_pictures(server, browser):
    address, _ = server
    with new_page(browser) as page:
        notebook = LabNotebook(page, address, GROWING)
        for cell in ("setup", "total"):
            expect(notebook.run(cell)).not_to_contain_text("Error")
        output = notebook.run("test_total_slope")
        words = " ".join(output.locator(".jp-OutputArea-output").last.inner_text().split())
        assert (
            "Right answer, but its memory grows with the data: 32 MiB for 32 MiB of data, 128 MiB for 128 MiB;" in words
        )
        assert "Line 2 of `total`, `values = np.ones(n, np.uint8)`," in words
        assert "✗ the peak grows with the data" in chart(output)
        drawn = chart(notebook.run("look"))
        screenshot(page, "lab-6-growth-and-reads")
        assert "10 chunks read (8 different ones)" in drawn
        assert "movie.zarr, 6×2×1 chunks, read" in drawn


def test_memory_left_over_by_an_earlier_cell_is_told_before_the_judge_counts_it(server, browser):
    address, _ = server
    with new_page(browser) as page:
        notebook = LabNotebook(page, address, LEFT)
        for cell in ("setup", "total", 2):
            expect(notebook.run(cell)).not_to_contain_text("Error")
        output = notebook.run("test_total_memory")
        note = " ".join(output.inner_text().split())
        assert "✓ peak" in chart(output), "here, measured from its own start, the function is below the ceiling"
        assert "well done. But when this notebook is judged, what other cells keep counts, too: " in note
        assert "data (48 MiB, made in cell [3] by data = np.ones(6 * 2**20) # to have a look)." in note
        assert "Try: write del data at the end of that cell, run it, and run this test again." in note

        table = notebook.run(4)
        table.locator("summary").click()
        screenshot(page, "lab-7-left-over")
        judged = " ".join(table.inner_text().split())
        assert "not yet: memory exceeded" in judged
        assert "well done. But before it was called the notebook already held 48 MiB: data (48 MiB); " in judged
        assert "32 MiB are allowed together. Try: write del data at the end of the cell that makes it" in judged

        notebook.write(2, LEFT_CELL + "\ndel data")
        notebook.run(2)
        expect(notebook.run("test_total_memory").locator(".jp-OutputArea-output")).to_have_count(1)


@pytest.fixture(scope="module")
def validated(server, browser):
    """What the dialog of the Validate button says of the hungry and of the mended answer, and whether it cuts lines."""
    address, _ = server
    found = {}
    with new_page(browser) as page:
        notebook = LabNotebook(page, address, SMALL)
        for name, text in (("hungry", SMALL_HUNGRY), ("mended", SMALL_MENDED)):
            notebook.write("total", text)
            page.locator(".validate-button").first.click()
            dialog = page.locator(".jp-Dialog", has_text="Validation Results")
            dialog.wait_for()
            cut = dialog.locator("pre").evaluate_all("all => all.some(pre => pre.scrollWidth > pre.clientWidth)")
            found[name] = " ".join(dialog.inner_text().split()), cut
            screenshot(page, f"lab-5-validate-{name}")
            dialog.locator("button.jp-mod-accept").last.click()
            dialog.wait_for(state="detached")
    return found


def test_the_validate_button_shows_the_message_and_then_success(validated):
    words, _ = validated["hungry"]
    assert "The following cell failed" in words
    assert re.search(r"Right answer, too much memory: 6\d MiB, 32 MiB allowed\. Line 2 of `total`,", words)
    assert "Try: " in words
    words, _ = validated["mended"]
    assert "Success! Your notebook passes all the tests." in words


def test_the_validate_dialog_does_not_cut_the_message_off(validated):
    _, cut = validated["hungry"]
    assert not cut
