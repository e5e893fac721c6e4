"""One pass over a twin of the terabyte, five ways in turns: `python tests/benchmarks/terabyte.py --gib 2`

Same work for each: mean, deviation, traces and the sums of bins of 1024 frames, of the same movie.

    roof          read, unpack, the same reductions, and nothing else
    process       data_scripts.process, the course's own: with output on disk, and resumable
    zarr-python   a loop over slabs in two threads, read by zarr
    dask.array    one dask.compute of everything
    tensorstore   a loop over slabs in two threads, read by tensorstore (where it is installed)

Each run is a process of its own; printed is the best of the rounds (what others take from the machine is least there),
by the clock and in processor time, and the highest memory held, Python and libraries included. All must have the same
sums.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import numpy as np

WAYS = ("roof", "process", "zarr-python", "dask.array", "tensorstore")
BIN = 1024


def pieces(frames, threads):
    """Whole bins for each thread."""
    bins = -(-frames // BIN)
    step = -(-bins // threads) * BIN
    return [(start, min(start + step, frames)) for start in range(0, frames, step)]


def reduce_slabs(read, regions, start, stop, shape):
    """The reductions of `process` on slabs from `read(start, stop)`; returns sums, squares, and a sum of the traces."""
    from data_scripts.process import _add

    total, squares = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
    scratch, checks = np.empty((2, *shape), np.uint32), 0.0
    for first in range(start, stop, BIN):
        in_bin = np.zeros(shape, np.uint32)
        for _, slab in read(first, min(first + BIN, stop)):
            _add(slab, in_bin, squares, scratch)
            checks += float(regions.means(slab).sum())
        total += in_bin
    return total, squares, checks


def looped(movie, rois, read):
    from data_scripts.process import Regions

    regions = Regions.of(rois)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        parts = [
            threads.submit(reduce_slabs, read, regions, start, stop, movie.shape[1:])
            for start, stop in pieces(movie.shape[0], os.cpu_count() or 1)
        ]
        sums = [part.result() for part in parts]
    total, squares = (sum(part[k] for part in sums) for k in (0, 1))
    n = movie.shape[0]
    mean = total / n
    return mean, np.sqrt(squares / n - mean**2)


def roof(movie, rois, out):
    from data_scripts.process import slabs

    return looped(movie, rois, lambda start, stop: slabs(movie, start, stop))


def by_process(movie, rois, out):
    import zarr

    from data_scripts.process import process

    process(movie, rois, out, 2**30)
    return zarr.open_array(out / "mean")[:], zarr.open_array(out / "std")[:]


def zarr_python(movie, rois, out):
    def read(start, stop):
        for t in range(start, stop, 16):
            yield t, movie[t : min(t + 16, stop)]

    return looped(movie, rois, read)


def tensorstore(movie, rois, out):
    import tensorstore

    store = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{movie.store.root}/{movie.path}"}}
    array = tensorstore.open(store, context=tensorstore.Context({"cache_pool": {"total_bytes_limit": 0}})).result()

    def read(start, stop):
        for t in range(start, stop, 16):
            yield t, array[t : min(t + 16, stop)].read().result()

    return looped(movie, rois, read)


def dask_array(movie, rois, out):
    """As one would write it: no loop, one compute for everything."""
    import dask
    import dask.array as da

    from data_scripts.process import Regions

    x = da.from_zarr(movie)
    regions = Regions.of(rois)
    traces = x.map_blocks(
        regions.means, dtype="float64", drop_axis=2, chunks=(x.chunks[0], (len(regions.counts),))
    ).astype("float32")
    bins = [x[start : start + BIN].mean(axis=0) for start in range(0, x.shape[0], BIN)]
    mean, std, _, _ = dask.compute(x.mean(axis=0), x.std(axis=0), traces, da.stack(bins).astype("uint16"))
    return mean, std


FUNCTIONS = dict(zip(WAYS, (roof, by_process, zarr_python, dask_array, tensorstore), strict=True))


def one(way, source):
    """In a process of its own: seconds, and what came out as two numbers."""
    import zarr

    group = zarr.open_group(source, mode="r")
    movie, rois = group["movie"], group["rois"][:]
    out = Path(tempfile.mkdtemp(prefix="benchmark-")) / "out"
    began, worked = time.perf_counter(), time.process_time()
    mean, std = FUNCTIONS[way](movie, rois, out)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - worked
    shutil.rmtree(out.parent)
    click.echo(
        json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "sums": [float(mean.sum()), float(std.sum())]})
    )


def run(way, source):
    """(seconds, peak bytes, sums, processor seconds) of one run."""
    from autograde.errors import MeterError
    from autograde.meters import default_meter

    child = subprocess.Popen(
        [sys.executable, __file__, "--one", way, "--source", str(source)], stdout=subprocess.PIPE, text=True
    )
    meter, peak = default_meter(child.pid), 0
    while child.poll() is None:
        try:
            peak = max(peak, meter.read().total_bytes)
        except MeterError:
            break
        time.sleep(0.01)
    text = child.communicate()[0]
    if child.returncode:
        raise SystemExit(f"{way} failed with exit code {child.returncode}")
    result = json.loads(text)
    return result["seconds"], peak, result["sums"], result["cpu_seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=2.0, help="size of the twin (default 2)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="*", default=WAYS, choices=WAYS)
    parser.add_argument("--one", choices=WAYS)
    parser.add_argument("--source", type=Path)
    options = parser.parse_args()
    if options.one:
        one(options.one, options.source)
        return
    from data_scripts.terabyte import fetch, recording, shape_of

    source = options.source or fetch(shape=shape_of(options.gib))
    import zarr

    nbytes = zarr.open_array(source / "movie", mode="r").nbytes
    ways = [way for way in options.ways if way != "tensorstore" or importlib.util.find_spec("tensorstore")]
    if "tensorstore" in options.ways and "tensorstore" not in ways:
        click.echo("tensorstore is not installed: left out (pip install tensorstore)")
    seen = {way: [] for way in ways}
    for number in range(options.rounds):
        for way in ways:
            seen[way].append(run(way, source))
            seconds, peak, _, _ = seen[way][-1]
            load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
            click.echo(f"round {number + 1} {way}: {nbytes / seconds / 1e9:.2f} GB/s, {peak / 2**20:.0f} MiB{load}")
    sums = np.array([result[2] for runs in seen.values() for result in runs])
    assert np.allclose(sums, sums[0], rtol=1e-5), f"results differ: {sums}"
    best = {way: min(run[0] for run in runs) for way, runs in seen.items()}
    cpu = {way: min(run[3] for run in runs) for way, runs in seen.items()}
    click.echo(f"\n{nbytes / 2**30:.3g} GiB, best of {options.rounds}, {os.cpu_count()} cores; {recording.__module__}")
    click.echo("by the clock, and by processor time (which other programs on the machine hardly change)")
    ratios = f"{'of roof':>8s} {'x dask':>7s}"
    click.echo(f"{'way':12s} {'GB/s':>6s} {ratios} {'CPU s/GB':>9s} {ratios} {'peak':>9s}")
    for way, seconds in best.items():
        compared = []
        for times in (best, cpu):
            compared.append(f"{times['roof'] / times[way]:.0%}" if "roof" in times else "-")
            compared.append(f"{times['dask.array'] / times[way]:.1f}" if "dask.array" in times else "-")
        peak = f"{max(run[1] for run in seen[way]) / 2**20:.0f} MiB"
        speed, work = nbytes / seconds / 1e9, cpu[way] / nbytes * 1e9
        left, right = (f"{of_roof:>8s} {of_dask:>7s}" for of_roof, of_dask in (compared[:2], compared[2:]))
        click.echo(f"{way:12s} {speed:6.2f} {left} {work:9.2f} {right} {peak:>9s}")


if __name__ == "__main__":
    main()
