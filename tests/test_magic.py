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


@pytest.mark.parametrize("line", ["'64 MiB'", '"64 MiB"', "64 MiB  # as in the test"])
def test_the_size_may_stand_as_in_a_call(line):
    (found,) = outputs(f"%%ceiling {line}\n1 + 1")
    assert found[-1].data["text/plain"] == "2"


def test_the_cell_is_compiled_as_any_other_and_a_semicolon_keeps_its_value_quiet():
    (annotated, quiet) = outputs("%%ceiling 64 MiB\ndef f(x: int): pass\nf.__annotations__", "%%ceiling 64 MiB\n5;")
    assert annotated[-1].data["text/plain"] == "{'x': int}"
    assert len(quiet) == 1  # the chart


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%ceiling \npass", "UsageError: say how much is allowed: %%ceiling 128 MiB\n"),
        ("%%ceiling lots\npass", "UsageError: %%ceiling: expected a size such as '64 MiB' or '1.5 GB', got 'lots'\n"),
        ("%%ceiling 64 MiB\n\nx = = 1", "UsageError: %%ceiling: line 3: invalid syntax\n"),
    ],
    ids=["no size", "no number", "syntax"],
)
def test_what_cannot_run_is_refused_in_one_line(cell, words):
    (found,) = outputs(cell)
    assert [(one.name, one.text) for one in found] == [("stderr", words)]
