"""Run time and peak of held memory of the source notebooks, each from top to bottom in a kernel of its own.

    python tests/benchmarks/notebooks.py --scale tiny
    python tests/benchmarks/notebooks.py --scale laptop 2-conversion/imaging

The peak is that of the kernel and all its children, absolute, by the tree meter from outside. Data is made before the clock
starts if `--warm` is given (the notebook is then run twice). Exit 1 if a cell fails.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import click
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from autograde.meters import default_meter
from autograde.poll import Poller
from autograde.types import format_bytes

ROOT = Path(__file__).resolve().parents[2]


def run(path: Path, folder: Path) -> tuple[float, int | None]:
    """Seconds and peak in bytes of one run."""
    book = nbformat.read(path, as_version=4)
    client = NotebookClient(book, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
    began = time.perf_counter()
    with client.setup_kernel():
        assert client.km is not None
        poller = Poller(default_meter(client.km.provisioner.pid), seconds=0.02)  # type: ignore[attr-defined]
        poller.start()
        try:
            for index, cell in enumerate(book.cells):
                client.execute_cell(cell, index)
        finally:
            peak = poller.stop()
    return time.perf_counter() - began, None if peak.reading is None else peak.reading.total_bytes


@click.command()
@click.option("--scale", type=click.Choice(["tiny", "laptop"]), default="tiny", show_default=True)
@click.option("--warm", is_flag=True, help="Run each once before, so that data has been made.")
@click.argument("names", nargs=-1)
def main(scale: str, warm: bool, names: tuple[str, ...]) -> None:
    """Run notebooks, and tell how long they took and what they held."""
    os.environ["AUTOGRADE_SCALE"] = scale
    os.environ.setdefault("AUTOGRADE_DATA", str(ROOT / "data"))
    paths = [ROOT / "source" / f"{name}.ipynb" for name in names] or sorted((ROOT / "source").glob("*/*.ipynb"))
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        for path in paths:
            label = path.relative_to(ROOT / "source").with_suffix("").as_posix()
            try:
                if warm:
                    run(path, Path(scratch))
                seconds, peak = run(path, Path(scratch))
                click.echo(f"{label:40} {scale:7} {seconds:6.0f} s   peak {format_bytes(peak)}")
            except CellExecutionError as error:
                failed = True
                click.echo(f"{label:40} {scale:7} failed: {error.ename}: {error.evalue[:200]}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
