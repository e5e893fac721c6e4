"""The page at the end of a terabyte: what came out, and the memory over the whole run, as one HTML file and one PNG."""

from __future__ import annotations

import base64
import io
import json
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from .terabyte import Finished, words
from .types import format_bytes, to_jsonable

__all__ = ["memory_picture", "write_page"]

_INK, _GOOD, _BAD, _BLUE, _GRAY = "#1f2933", "#2a7f62", "#c0392b", "#2b6cb0", "#8a94a0"
_NEURONS = 6
_SHOWN_SECONDS = 120


def write_page(done: Finished, source: Path, folder: Path) -> Path:
    """Write summary.html, summary.png and summary.json into `folder`; the path of the page."""
    result = folder / "result.zarr"
    whole = all((result / name).is_dir() for name in ("mean", "std", "traces", "preview"))
    picture = _picture(done, source, result) if whole else memory_picture(done)
    (folder / "summary.png").write_bytes(picture)
    facts = {**to_jsonable(done), "bytes_per_second": done.bytes_per_second, "good": done.good}
    (folder / "summary.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    page = folder / "summary.html"
    page.write_text(_html(done, picture), encoding="utf-8")
    return page


def memory_picture(done: Finished) -> bytes:
    """The chart of memory alone, as a small PNG."""
    pyplot = _pyplot()
    figure, axis = pyplot.subplots(figsize=(7.4, 2.5), dpi=90)
    _memory(axis, done)
    figure.tight_layout()
    return _png(figure)


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    look: Any = {"axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": _GRAY, "text.color": _INK}
    look |= {"axes.titlesize": "medium", "axes.titleweight": "bold", "axes.titlelocation": "left", "font.size": 9}
    plt.rcParams.update(look)
    return plt


def _png(figure: Any) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png")
    _pyplot().close(figure)
    return target.getvalue()


def _memory(axis: Any, done: Finished) -> None:
    """Memory against time, what was allowed, and where the run was stopped and went on."""
    samples = [(0.0, 0), *done.samples]
    seconds, held = (np.array(column, float) for column in zip(*samples, strict=True))
    unit, name = (60.0, "minutes") if done.wall_seconds > 150 else (1.0, "seconds")
    color = _GOOD if done.peak_bytes <= done.max_bytes else _BAD
    axis.fill_between(seconds / unit, held / 2**20, color=color, alpha=0.18, lw=0)
    axis.plot(seconds / unit, held / 2**20, color=color, lw=1.3)
    axis.axhline(done.max_bytes / 2**20, color=_BAD, lw=1.2, ls="--")
    top = 1.18 * max(done.max_bytes, done.peak_bytes) / 2**20
    axis.text(0, done.max_bytes / 2**20, f" allowed: {format_bytes(done.max_bytes)}", color=_BAD, va="bottom")
    for at in done.breaks:
        axis.axvline(at / unit, color=_BLUE, lw=1.2, ls=":")
        axis.text(at / unit, 0.6 * top, " stopped,\n and went on", color=_BLUE)
    size = f"{done.movie_bytes / 1e12:.2f} TB" if done.movie_bytes >= 5e11 else format_bytes(done.movie_bytes)
    axis.set(
        title=f"{size} through {format_bytes(done.peak_bytes)} of memory, {done.bytes_per_second / 1e9:.2f} GB/s",
        xlabel=f"{name} of work",
        ylabel="held (MiB)",
        xlim=(0, done.wall_seconds / unit),
        ylim=(0, top),
    )


def _picture(done: Finished, source: Path, result: Path) -> bytes:
    import zarr

    movie: Any = zarr.open_array(source / "movie", mode="r")
    rois = np.asarray(zarr.open_array(source / "rois", mode="r")[:])
    group: Any = zarr.open_group(result, mode="r")
    rate = float(movie.attrs.get("frame_rate_hz", 1.0))
    plt = _pyplot()
    figure = plt.figure(figsize=(12, 12.2), dpi=100)
    grid = figure.add_gridspec(4, 3, height_ratios=(4.0, 3.0, 2.2, 2.2), hspace=0.36, wspace=0.2)
    grid.update(left=0.06, right=0.98, top=0.92, bottom=0.05)
    figure.text(0.06, 0.965, words(done), fontsize=15, weight="bold", color=_GOOD if done.good else _BAD)
    hours = movie.shape[0] / rate / 3600
    facts = f"{movie.shape[0]:,} frames of {movie.shape[1]} x {movie.shape[2]}, {hours:.1f} hours at {rate:g} Hz"
    figure.text(0.06, 0.945, f"{facts}; every frame was read once, none was kept", color=_GRAY, fontsize=10)

    mean, std = group["mean"][:], group["std"][:]
    middle = group["preview/0"][group["preview/0"].shape[0] // 2] if "preview/0" in group else mean
    pictures = (("mean of all frames", mean), ("standard deviation", std), ("a frame of the preview", middle))
    for column, (title, image) in enumerate(pictures):
        axis = figure.add_subplot(grid[0, column])
        axis.imshow(image, cmap="gray" if column != 1 else "magma", vmax=np.percentile(image, 99.7))
        if column == 0:
            axis.contour(rois > 0, [0.5], colors="#f6ad55", linewidths=0.6)
        axis.set(title=title, xticks=[], yticks=[])
    _traces(figure.add_subplot(grid[1, :]), group["traces"], rate)
    axis = figure.add_subplot(grid[2, :])
    _whole(axis, group, rate)
    _memory(figure.add_subplot(grid[3, :]), done)
    return _png(figure)


def _traces(axis: Any, traces: Any, rate: float) -> None:
    """The liveliest neurons in the two minutes in the middle, one above the other."""
    frames = traces.shape[0]
    half = int(min(frames, _SHOWN_SECONDS * rate)) // 2
    start = frames // 2 - half
    shown = traces[start : frames // 2 + half]
    relative = shown / np.maximum(np.percentile(shown, 20, axis=0), 1) - 1
    best = np.argsort(-relative.std(axis=0))[:_NEURONS]
    seconds = (start + np.arange(len(shown))) / rate
    step = 1.1 * float(np.percentile(relative[:, best], 99.8))
    for line, neuron in enumerate(best):
        axis.plot(seconds, relative[:, neuron] + line * step, lw=0.7, color=_BLUE)
    axis.set(
        title=f"{len(best)} of {traces.shape[1]} neurons, in the middle of the recording",
        xlabel="seconds since the first frame",
        yticks=[line * step for line in range(len(best))],
        yticklabels=[f"{neuron + 1}" for neuron in best],
        ylabel="neuron",
        xlim=(seconds[0], seconds[-1]),
    )


def _whole(axis: Any, group: Any, rate: float) -> None:
    """Mean brightness of each frame of the preview, first to last: bleaching."""
    coarse = max((name for name in group["preview"].array_keys()), default="0")
    level = group[f"preview/{coarse}"]
    values = np.array([level[t].mean() for t in range(level.shape[0])])
    hours = np.linspace(0, group["traces"].shape[0] / rate / 3600, len(values))
    axis.plot(hours, values, color=_INK, lw=1)
    axis.set(
        title="mean brightness, from the first frame to the last",
        xlabel="hours of the recording",
        ylabel="grey level",
        xlim=(0, max(hours[-1], 1e-6)),
    )


def _html(done: Finished, picture: bytes) -> str:
    rows = [
        ("movie", f"{done.movie}, {' x '.join(f'{size:,}' for size in done.shape)} uint16"),
        ("size", f"{done.movie_bytes / 1e12:.4g} TB ({format_bytes(done.movie_bytes)})"),
        ("function", done.process),
        ("time", f"{done.wall_seconds:,.1f} s of work in {done.attempts} attempt{'s' if done.attempts > 1 else ''}"),
        ("speed", f"{done.bytes_per_second / 1e9:.2f} GB/s of frames, on {done.cores} cores"),
        ("memory", f"{format_bytes(done.peak_bytes)} of {format_bytes(done.max_bytes)} allowed (meter: {done.meter})"),
        ("result", f"{format_bytes(done.output_bytes)} on disk"),
        ("right?", _verdict(done)),
    ]
    table = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows)
    image = base64.b64encode(picture).decode()
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>One terabyte on a laptop</title>'
        "<style>body{font-family:sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#1f2933}"
        "img{width:100%}th{text-align:left;padding:.2em 1.2em .2em 0;color:#66707a;font-weight:normal}"
        "td{padding:.2em 0}</style>"
        f"<h1>{escape(words(done))}</h1>"
        f'<img alt="mean, deviation, preview, traces, and memory over the run" src="data:image/png;base64,{image}">'
        f"<table>{table}</table>"
        "<p>The movie's chunks are hard links to a small pool, which stays in memory that the system may drop at any time "
        "(the page cache). So the speed is that of the processor: unpacking and adding. From a disk it is at most the "
        "speed of the disk.</p></html>\n"
    )


def _verdict(done: Finished) -> str:
    if not done.checked:
        return "not known: this movie has no order table that tells its sums"
    return "; ".join(done.problems) or "yes: mean, deviation and all traces agree with the order table of the recording"
