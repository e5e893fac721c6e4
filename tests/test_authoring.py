"""The authoring guide, taken at its word: its cells and files make an exercise that is proven and released."""

from __future__ import annotations

import re
import sys

import nbformat
import pytest
import toys
from click.testing import CliRunner
from test_project import ROOT

from autograde.cli import main

TESTS = ("test_brightest", "test_brightest_memory", "test_brightest_hidden")


def blocks():
    """The cells (set-up, solution, tests) and the files of the guide, by path."""
    text = (ROOT / "source" / "README.md").read_text(encoding="utf-8")
    section = text.partition("## An exercise in twenty minutes")[2].partition("\n## ")[0]
    found = re.findall(r"```python\n(.*?)```", section, re.S)
    files = {match[1]: block for block in found if (match := re.match(r"# (\w+/\w+\.py)\n", block))}
    return [block.rstrip() for block in found if block not in files.values()], files


def write(root):
    """The course that the guide makes, for a fresh folder."""
    (setup, solution, *tests), files = blocks()
    cells = [toys.setup(setup), toys.solution("brightest", solution)]
    cells += [toys.test(name, text) for name, text in zip(TESTS, tests, strict=True)]
    course = toys.write_course(root, {"movies": toys.book(toys.text("# Movies"), *cells)}, name="9-mine")
    for name, text in files.items():
        path = root / "tests" / "gallery" / "9-mine" / "brightest" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return course


@pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")
def test_the_exercise_of_the_authoring_guide_is_proven_and_released_as_the_guide_says(tmp_path):
    course = write(tmp_path / "course")
    at = ["--course", str(course.root)]
    done = CliRunner().invoke(
        main, [*at, "verify", "9-mine", "--exercise", "brightest", "--quick", "0", "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(main, [*at, "release", "9-mine"])
    assert done.exit_code == 0, done.output
    made = nbformat.read(course.release("9-mine") / "movies.ipynb", 4)
    assert "np.maximum" not in "".join(cell.source for cell in made.cells)


def test_the_gallery_of_the_guide_is_whole():
    _, files = blocks()
    kinds = sorted(name.partition("/")[0] for name in files)
    assert kinds == ["accepted"] * 2 + ["memory_exceeded"] * 2 + ["wrong_answer"] * 3
    for name, text in files.items():
        compile(text, name, "exec")
