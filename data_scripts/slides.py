"""Turns a notebook into slides: one self-contained HTML page that needs no network, and prints one slide a page.

    python -m data_scripts.slides presentation.ipynb

A slide begins at each heading of the first or second level. Code is not shown, what it printed or drew is. Arrow keys, the
space bar or scrolling go through the slides.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

__all__ = ["make_slides"]

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
* {{ box-sizing: border-box }}
html {{ scroll-snap-type: y mandatory; font: 400 min(3.5vh, 2.2vw)/1.4 system-ui, sans-serif; color: #1b1b1f }}
body {{ margin: 0 }}
section {{ height: 100vh; overflow: hidden; scroll-snap-align: start; padding: 6vh 8vw; position: relative }}
section.first {{ display: flex; flex-direction: column; justify-content: center; background: #10233c; color: white }}
h1 {{ font-size: 2.1em; font-weight: 600; line-height: 1.15; margin: 0 0 .6em }}
h2 {{ font-size: 1.5em; font-weight: 600; margin: 0 0 .7em; color: #10233c }}
section.first h2 {{ color: white }}
img, svg {{ display: block; max-width: 100%; max-height: 62vh; margin: 1vh auto; background: white }}
table {{ border-collapse: collapse; margin: .5em 0 }}
th, td {{ border-bottom: 1px solid #ccc; padding: .25em .9em .25em 0; text-align: left }}
pre, code {{ font-family: ui-monospace, Consolas, monospace; font-size: .82em }}
pre {{ white-space: pre-wrap; max-height: 62vh; overflow: hidden; margin: .4em 0 }}
footer {{ position: absolute; right: 3vw; bottom: 2vh; font-size: .6em; color: #888 }}
@media print {{ @page {{ size: 16in 9in; margin: 0 }} html {{ font-size: 22pt }}
  section {{ height: 9in; break-after: page; break-inside: avoid; print-color-adjust: exact }} }}
</style></head><body>
{slides}
<script>
addEventListener("keydown", event => {{
  const step = {{ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1}}[event.key];
  if (!step) return;
  event.preventDefault();
  scrollTo({{top: (Math.round(scrollY / innerHeight) + step) * innerHeight, behavior: "smooth"}});
}});
</script>
</body></html>
"""
_HEADING = re.compile(r"^#{1,2} ", re.MULTILINE)
_LEAVE_OUT = "notes"  # tag of cells that are for the speaker


def make_slides(notebook: Path, out: Path | None = None, *, run: bool = True) -> Path:
    """Write `<name>.slides.html` beside the notebook (or `out`), and return its path; `run` runs the notebook first.

    Cells with the tag "notes" are left out. Text is cleaned: nothing of the notebook runs or loads anything in the browser.
    Errors: FileNotFoundError; ValueError for a notebook without a heading; nbclient's CellExecutionError.
    """
    import nbformat

    book: Any = nbformat.read(notebook, as_version=4)
    if run:
        from nbclient import NotebookClient

        NotebookClient(book, timeout=600, resources={"metadata": {"path": str(notebook.resolve().parent)}}).execute()
    slides: list[list[str]] = []
    for cell in book.cells:
        if _LEAVE_OUT in cell.metadata.get("tags", ()):
            continue
        if cell.cell_type == "markdown":
            starts = [found.start() for found in _HEADING.finditer(cell.source)]
            edges = sorted({0, *starts, len(cell.source)})
            for start, stop in pairwise(edges):
                if start in starts:
                    slides.append([])
                if slides:
                    slides[-1].append(_markdown(cell.source[start:stop], cell))
        elif cell.cell_type == "code" and slides:
            slides[-1].extend(filter(None, map(_output, cell.outputs)))
    if not slides:
        raise ValueError(f"{notebook.name} has no heading (# or ##): a slide begins at each of them")
    sections = [
        f'<section class="{"first" if number == 1 else ""}">{"".join(parts)}<footer>{number}</footer></section>'
        for number, parts in enumerate(slides, start=1)
    ]
    found = re.search(r"<h\d[^>]*>(.*?)</h\d>", slides[0][0], re.DOTALL)
    title = re.sub(r"<[^>]+>", "", found[1]).strip() if found else notebook.stem
    out = out or notebook.with_suffix(".slides.html")
    aside = out.with_name(f".{out.name}.new")
    aside.write_text(_PAGE.format(title=title, slides="\n".join(sections)), encoding="utf-8")
    aside.replace(out)
    return out


def _markdown(text: str, cell: Any) -> str:
    from nbconvert.filters import markdown2html

    pictures = cell.get("attachments", {})
    for name, kinds in pictures.items():
        for kind, data in kinds.items():
            text = text.replace(f"attachment:{name}", f"data:{kind};base64,{data}")
    return _clean(str(markdown2html(text)))


def _output(output: Any) -> str:
    from html import escape

    data = output.get("data", {})
    if "image/png" in data:
        return f'<img alt="figure" src="data:image/png;base64,{escape(data["image/png"].strip())}">'
    if "text/markdown" in data:
        from nbconvert.filters import markdown2html

        return _clean(str(markdown2html(data["text/markdown"])))
    text = output.get("text") if output.output_type == "stream" and output.name == "stdout" else data.get("text/plain")
    return f"<pre>{escape(text.rstrip())}</pre>" if text else ""


def _clean(html: str) -> str:
    """Only tags that show something; pictures only where they lie in the page itself."""
    import bleach

    tags = "a b blockquote br code del em h1 h2 h3 h4 hr i img li ol p pre span strong sub sup table tbody td th thead tr ul"

    def may_stay(tag: str, name: str, value: str) -> bool:
        return name == "alt" or (name == "src" and value.startswith("data:image/")) or (name == "href" and tag == "a")

    html = re.sub(r"<a [^>]*anchor-link.*?</a>", "", html, flags=re.DOTALL)  # the sign behind each heading
    return str(
        bleach.clean(
            html, tags=tags.split(), attributes={"*": may_stay}, protocols=["http", "https", "data"], strip=True
        )
    )


def main() -> None:
    """The command: make slides of the notebooks that are named."""
    import click

    @click.command(help="Slides from a notebook: one HTML page that needs no network. Arrow keys go through them.")
    @click.argument("notebook", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option(
        "--out", type=click.Path(dir_okay=False, path_type=Path), help="Default: <name>.slides.html beside it."
    )
    @click.option("--no-run", is_flag=True, help="Take the outputs that are saved in the notebook.")
    def command(notebook: Path, out: Path | None, no_run: bool) -> None:
        click.echo(f"slides: {make_slides(notebook, out, run=not no_run)}")

    command()


if __name__ == "__main__":
    main()
