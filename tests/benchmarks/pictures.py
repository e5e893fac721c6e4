"""The pictures of the guides, taken anew: `make demo && python tests/benchmarks/pictures.py`.

report.png is the report of the demo; board.png a room of thirty simulated laptops half way through a morning.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from PIL import Image

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
import room  # noqa: E402 - beside this file
from browser import chromium, new_page  # noqa: E402

from autograde.course import find_course  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "autograde" / "images"


def keep(page: Any, name: str) -> None:
    """Save what the page shows, in 64 colours: small enough for a guide."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = IMAGES / name
    picture.quantize(64).save(path, optimize=True)
    click.echo(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e3:.0f} kB")


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


if __name__ == "__main__":
    main()
