"""A notebook becomes slides in one page that loads nothing and runs nothing of the notebook's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import v4, write

from data_scripts.slides import make_slides

TEMPLATE = Path(__file__).parents[1] / "release" / "7-your-own-data" / "presentation.ipynb"


def saved(path, *cells):
    book = v4.new_notebook(cells=list(cells))
    write(book, path)
    return path


def sections(page):
    return re.findall(r"<section.*?</section>", page.read_text(encoding="utf-8"), re.DOTALL)


def test_a_slide_begins_at_each_heading_and_shows_outputs_without_code(tmp_path):
    shown = v4.new_code_cell("print('the code')")
    shown.outputs = [
        v4.new_output("stream", text="4 < 5\n"),
        v4.new_output("display_data", {"image/png": "aGVsbG8=", "text/plain": "<Figure>"}),
    ]
    notes = v4.new_markdown_cell("# Not on a slide", metadata={"tags": ["notes"]})
    text = v4.new_markdown_cell("# My question\n\nWhy?\n\n## Another\n\n### still the same slide")
    page = make_slides(saved(tmp_path / "talk.ipynb", notes, text, shown), run=False)
    assert page == tmp_path / "talk.slides.html"
    first, second = sections(page)
    assert "Why?" in first
    assert "still the same slide" in second
    assert "<pre>4 &lt; 5</pre>" in second
    assert 'src="data:image/png;base64,aGVsbG8="' in second
    whole = page.read_text(encoding="utf-8")
    assert "the code" not in whole
    assert "Not on a slide" not in whole
    assert "<title>My question</title>" in whole
    assert "¶" not in whole
    assert "&para;" not in whole


def test_nothing_of_the_notebook_runs_or_is_loaded(tmp_path):
    bad = "# Talk\n\n<script>steal()</script><a href='javascript:x'>a</a>"
    bad += "<img src='https://example.org/x.png' onerror='steal()'>"
    html = v4.new_code_cell("")
    html.outputs = [v4.new_output("display_data", {"text/html": "<script>steal()</script>", "text/plain": "plain"})]
    whole = make_slides(saved(tmp_path / "a.ipynb", v4.new_markdown_cell(bad), html), run=False).read_text(
        encoding="utf-8"
    )
    slides = "".join(sections(tmp_path / "a.slides.html"))
    assert not re.search(r"<script|onerror|javascript:|example\.org", slides)
    assert "<pre>plain</pre>" in slides
    assert not re.search(r'(src|href)="(http|//)', whole)


def test_a_notebook_without_headings_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no heading"):
        make_slides(saved(tmp_path / "a.ipynb", v4.new_markdown_cell("words")), run=False)


def test_the_template_makes_five_slides_with_one_command(tmp_path):
    notebook = tmp_path / "presentation.ipynb"
    notebook.write_bytes(TEMPLATE.read_bytes())
    command = [sys.executable, "-m", "data_scripts.slides", str(notebook)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=TEMPLATE.parents[2], check=True)
    assert done.stdout.startswith("slides: ")
    pages = sections(tmp_path / "presentation.slides.html")
    assert len(pages) == 5
    assert "uint16" in pages[1], "the card is on the second slide"
    headings = [re.search(r"<h[12]>(.*?)</h[12]>", page)[1] for page in pages]
    assert headings == [
        "Our question",
        "The data",
        "Why these chunks",
        "What compresses these numbers",
        "What we did not check",
    ]
