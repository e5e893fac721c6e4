"""`%%ceiling` in a real kernel."""

from __future__ import annotations

import sys

import pytest
from nbclient import NotebookClient
from nbformat import v4

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="exact figures need the tree meter")


def outputs(*cells):
    made = v4.new_notebook(
        cells=[v4.new_code_cell(text) for text in ("%load_ext autograde\nimport numpy as np", *cells)]
    )
    NotebookClient(made, timeout=120, kernel_name="python3", allow_errors=True).execute()
    return [cell.outputs for cell in made.cells[1:]]


def test_a_cell_under_its_ceiling_shows_the_chart_and_its_value():
    (found,) = outputs("%%ceiling 64 MiB\nx = np.ones(20 * 2**20, np.uint8)\nint(x[:3].sum())")
    assert "image/svg+xml" in found[0].data
    assert found[1].data["text/plain"] == "3"


def test_a_cell_above_its_ceiling_names_the_line_as_it_stands_in_the_cell():
    (found, after) = outputs("%%ceiling 8 MiB\n\nx = np.ones(20 * 2**20, np.uint8)", "x.nbytes")
    error = found[-1]
    assert error.ename == "MemoryCeilingExceeded"
    assert "Line 3, `x = np.ones(20 * 2**20, np.uint8)`" in error.evalue
    assert after[0].data["text/plain"] == str(20 * 2**20)


@pytest.mark.parametrize(("line", "words"), [("", "say how much is allowed"), ("lots", "expected a size such as")])
def test_a_ceiling_that_says_nothing_is_refused(line, words):
    (found,) = outputs(f"%%ceiling {line}\npass")
    assert words in found[-1].evalue
