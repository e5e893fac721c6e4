"""Projected against measured memory of dask graphs, on a movie with blocks of 2 MiB.

    python tests/benchmarks/projection.py --mebibytes 128

Prints both and their ratio for each graph, and how many measured peaks were above what had been projected.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import dask
import dask.array as da
import numpy as np
import zarr

from autograde import measure, projected
from autograde.types import format_bytes


def graphs(movie: Any, folder: Path) -> dict[str, Callable[[], Any]]:
    """Dask collections by name, each made anew."""

    def stored(array: Any) -> Any:
        out = zarr.create_array(
            folder / f"{np.random.default_rng().integers(1 << 40)}.zarr",
            shape=array.shape,
            chunks=array.chunksize,
            dtype=array.dtype,
        )
        return da.store(array, out, compute=False)

    def lazy() -> Any:
        return da.from_zarr(movie)

    return {
        "mean": lambda: lazy().mean(),
        "mean over time": lambda: lazy().mean(axis=0),
        "std": lambda: lazy().std(),
        "max over space": lambda: lazy().max(axis=(1, 2)),
        "subtract the mean, mean of that": lambda: abs(lazy() - lazy().mean(axis=0)).mean(),
        "all of it": lazy,
        "one plane": lambda: lazy()[17],
        "double and store": lambda: stored(lazy() * 2),
        "rechunk to traces and store": lambda: stored(lazy().rechunk((-1, 32, 32))),
        "median over time": lambda: da.median(lazy().rechunk((-1, 32, 32)), axis=0),
        "overlap and store": lambda: stored(da.map_overlap(lambda x: x, lazy(), depth={0: 4}, boundary="reflect")),
        "every fourth frame": lambda: lazy()[::4],
    }


@click.command()
@click.option("--mebibytes", type=click.IntRange(8), default=128, show_default=True)
def main(mebibytes: int) -> None:
    """Compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        movie: Any = zarr.create_array(
            folder / "movie.zarr", shape=(mebibytes * 8, 256, 256), chunks=(16, 256, 256), dtype="uint16"
        )
        rng = np.random.default_rng(0)
        for start in range(0, movie.shape[0], 16):
            movie[start : start + 16] = rng.integers(0, 4000, (16, 256, 256), dtype="uint16")
        lazy_max: Any = da.from_zarr(movie).max()
        lazy_max.compute()
        above, ratios = 0, []
        for label, build in graphs(movie, folder).items():
            guess = projected(build())
            with measure() as block, dask.config.set(num_workers=2):
                build().compute()
            assert block.peak_bytes is not None
            above += block.peak_bytes > guess.total_bytes
            ratios.append(guess.total_bytes / max(block.peak_bytes, 2**20))
            click.echo(
                f"{label:34} projected {format_bytes(guess.total_bytes):>9}  measured {format_bytes(block.peak_bytes):>9}"
                f"  ratio {ratios[-1]:.1f}"
            )
        click.echo(
            f"{above} of {len(ratios)} measured peaks are above the projection; median ratio {np.median(ratios):.1f}"
        )


if __name__ == "__main__":
    main()
