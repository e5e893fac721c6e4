"""Released notebooks as a student sees them: opened in JupyterLab, solved, run, and photographed from top to bottom.

python tests/benchmarks/reading.py 0-will-it-fit 3-parallel-processing/blocks [--stubs] [--scale laptop]

For people who read a notebook before they teach it: build/reading/<notebook>-01.png and so on, two columns on each.
"""

# ruff: noqa: T201 - a script

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from browser import REPOSITORY, LabNotebook, chromium, jupyter, new_page, with_answers

WIDTH, HEIGHT, OVERLAP = 900, 1600, 60  # pixels of a column, and of it what the next column shows again
FOLDER = REPOSITORY / "build" / "reading"
#: All cells are in the page, so that nothing is loaded while it is scrolled through.
SETTINGS = '{"windowingMode": "none"}'
_SCROLLED = ".jp-WindowedPanel-outer"
_FINISHED = """(({ content, sessionContext }) => sessionContext.session.kernel.status === 'idle'
    && content.widgets.every(({ model }) => model.type !== 'code' || model.executionState !== 'running')
)(window.jupyterapp.shell.currentWidget)"""


def answers(source: Path) -> dict[str, str]:
    """The reference solution of each exercise of an instructor notebook, by grade_id."""
    cells = nbformat.read(source, as_version=4).cells
    return {
        cell.metadata.nbgrader.grade_id: "\n".join(line for line in cell.source.splitlines() if "### " not in line)
        for cell in cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }


def photograph(page: Any, name: str) -> int:
    """Scroll through the notebook that is open and write its pictures; returns how many there are."""
    panel = page.locator(_SCROLLED)
    panel.evaluate("panel => panel.scrollTop = 0")
    bottom = page.locator(".jp-Notebook-cell").last.evaluate("cell => cell.getBoundingClientRect().bottom")
    columns = []
    for top in range(0, int(bottom), HEIGHT - OVERLAP - 120):
        panel.evaluate("(panel, top) => panel.scrollTop = top", top)
        page.wait_for_timeout(150)  # pictures are decoded when they come into view
        columns.append(Image.open(io.BytesIO(panel.screenshot())))
    for first in range(0, len(columns), 2):
        sheet = Image.new("RGB", (2 * WIDTH, columns[first].height), "white")
        for place, column in enumerate(columns[first : first + 2]):
            sheet.paste(column, (place * WIDTH, 0))
        sheet.save(FOLDER / f"{name}-{first // 2 + 1:02d}.png")
    return -(-len(columns) // 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", help="an assignment, or assignment/notebook")
    parser.add_argument("--stubs", action="store_true", help="as handed out: run until the first exercise stops it")
    parser.add_argument("--scale", default="tiny", choices=("tiny", "laptop"))
    options = parser.parse_args()
    prefix = ("stubs-" if options.stubs else "") + (f"{options.scale}-" if options.scale != "tiny" else "")
    more = {"AUTOGRADE_SCALE": options.scale, "AUTOGRADE_DATA": os.environ.get("AUTOGRADE_DATA", f"{REPOSITORY}/data")}
    released = REPOSITORY / "release"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work, home = Path(folder) / "work", Path(folder) / "jupyter"
        settings = home / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
        settings.parent.mkdir(parents=True)
        settings.write_text(SETTINGS)
        found = [path for what in options.what for path in sorted(released.glob(f"{what}/*.ipynb"))]
        found += [released / f"{what}.ipynb" for what in options.what if (released / f"{what}.ipynb").exists()]
        paths = [path.relative_to(released) for path in found]
        for path in paths:
            text = {} if options.stubs else answers(REPOSITORY / "source" / path)
            with_answers(released / path, work / path, text)
        with jupyter(work, home, **more) as address, chromium() as browser:
            for path in paths:
                with new_page(browser, width=WIDTH, height=HEIGHT) as page:
                    page.set_default_timeout(900_000)
                    LabNotebook(page, address, str(path))
                    for command in ("application:toggle-left-area", "notebook:run-all-cells"):
                        page.evaluate(f"window.jupyterapp.commands.execute('{command}')")
                    page.wait_for_function(_FINISHED)
                    page.wait_for_timeout(1000)
                    print(path, photograph(page, prefix + path.stem), "pictures", flush=True)


if __name__ == "__main__":
    main()
