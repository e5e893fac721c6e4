"""Small pictures as SVG, and as text for terminals: memory over time and against data size, chunks read and written.

Needs no plotting library: these are drawn in the process whose memory is measured.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from html import escape

from .explain import summarize
from .types import MIB, TIB, Measurement, Touched, format_bytes, format_two

__all__ = ["chunk_chart", "chunk_text", "memory_chart", "memory_text"]

_WIDTH, _HEIGHT = 520, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 112, 26, 30
_GOOD, _BAD, _LIMIT, _PREDICTED, _DATA, _FREE = "#2a7f62", "#c0392b", "#c0392b", "#2b6cb0", "#8a6d1d", "#888888"
_ALLOWED = "#8a6d1d"  # grows with the data, and may


def memory_chart(measurement: Measurement) -> str:
    """Held memory above the baseline against time, with ceiling, prediction, data size and free memory where known.

    With a slope: the peaks of both runs against the size of their data, extended to 1 TiB, or to twice the data.
    """
    if measurement.growth is not None:
        return _growth_chart(measurement)
    peak = measurement.peak_bytes or 0
    marks = [
        (measurement.ceiling_bytes, "ceiling", _LIMIT, "6 3"),
        (measurement.predicted_bytes, "predicted", _PREDICTED, "2 3"),
        (measurement.data_bytes, "data", _DATA, "1 3"),
        (measurement.available_bytes, "free", _FREE, "1 5"),
    ]
    known = [(size, name, color, dash) for size, name, color, dash in marks if size is not None]
    # the data may be far larger than everything else: then it is named at the top, not drawn to scale
    scale_to = [
        peak,
        MIB,
        *(size for size, name, *_ in known if name not in ("data", "free") or size <= 2.5 * max(peak, MIB)),
    ]
    top = 1.12 * max(scale_to)
    duration = max(measurement.wall_seconds, 1e-3)
    inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(seconds: float) -> float:
        return _LEFT + inner_width * min(max(seconds / duration, 0.0), 1.0)

    def y(size: float) -> float:
        return _TOP + inner_height * (1 - min(max(size / top, 0.0), 1.0))

    color = _BAD if measurement.exceeded or measurement.stopped else _GOOD
    points = " ".join(f"{x(at):.1f},{y(size):.1f}" for at, size in measurement.samples)
    floor = y(0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" '
        f'font-family="sans-serif" font-size="11" role="img">',
        f"<title>{escape(_title(measurement))}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="16" font-size="12" font-weight="bold" fill="{color}">{escape(_title(measurement))}</text>',
    ]
    parts += [
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#e4e4e4"/>'
        f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end" fill="#555">{format_bytes(tick)}</text>'
        for tick in _ticks(top)
    ]
    if points:
        first, last = x(measurement.samples[0][0]), x(measurement.samples[-1][0])
        parts.append(
            f'<polygon points="{first:.1f},{floor:.1f} {points} {last:.1f},{floor:.1f}" fill="{color}" opacity="0.18"/>'
            f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.6"/>'
        )
    labels: list[float] = []
    for size, name, line_color, dash in sorted(known, reverse=True):
        height = y(size)
        label = height + 4
        while any(abs(label - other) < 12 for other in labels):
            label += 4
        labels.append(label)
        beyond = " ↑" if size > top else ""
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" y2="{height:.1f}" stroke="{line_color}" '
            f'stroke-width="1.4" stroke-dasharray="{dash}"/>'
            f'<text x="{_WIDTH - _RIGHT + 5}" y="{label:.1f}" fill="{line_color}">'
            f"{name} {format_bytes(size)}{beyond}</text>"
        )
    parts.append(
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{floor:.1f}" y2="{floor:.1f}" stroke="#333"/>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 12}" fill="#555">0 s</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 12}" text-anchor="end" fill="#555">{duration:.2f} s</text>'
        f'<text x="{_LEFT + inner_width / 2:.0f}" y="{_HEIGHT - 12}" text-anchor="middle" fill="#555">'
        f"held memory above the start, meter: {escape(measurement.meter)}</text></svg>"
    )
    return "".join(parts)


def _growth_chart(measurement: Measurement) -> str:
    """Both axes logarithmic: a peak that does not grow is a flat line, one that grows with the data a steep one."""
    growth = measurement.growth
    assert growth is not None
    assert measurement.data_bytes is not None
    small = (growth.small_data_bytes, max(growth.small_peak_bytes, MIB))
    large = (measurement.data_bytes, max(measurement.peak_bytes or 0, MIB))
    color = _BAD if measurement.exceeded else _ALLOWED if measurement.grows else _GOOD
    end = max(TIB, 2 * large[0])
    at_end = large[1] + (measurement.per_byte or 0.0) * (end - large[0]) if measurement.grows else large[1]
    width, height, left, right, top, bottom = 520, 190, 66, 118, 26, 34
    x_low, x_high = math.log(small[0] / 2), math.log(end)
    y_low, y_high = math.log(min(small[1], large[1]) / 4), math.log(2 * max(at_end, large[1], 2048 * MIB))

    def x(size: float) -> float:
        return left + (width - left - right) * (math.log(size) - x_low) / (x_high - x_low)

    def y(size: float) -> float:
        return top + (height - top - bottom) * (1 - (math.log(size) - y_low) / (y_high - y_low))

    def label(size: float, anchor: str, shift: int) -> str:
        x_text = f"{x(size) + shift:.1f}"
        return f'<text x="{x_text}" y="{height - 20}" text-anchor="{anchor}" fill="#555">{format_bytes(size)}</text>'

    # the way to the end: straight in bytes, so a curve here
    way = [large[0] * (end / large[0]) ** (step / 40) for step in range(41)]
    slope = (at_end - large[1]) / (end - large[0])
    dashed = " ".join(f"{x(size):.1f},{y(large[1] + slope * (size - large[0])):.1f}" for size in way)
    title = escape(_title(measurement))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="11" role="img"><title>{title}</title>'
        f'<rect width="{width}" height="{height}" fill="white"/>'
        f'<text x="{left}" y="16" font-size="12" font-weight="bold" fill="{color}">{title}</text>',
        f'<line x1="{left}" x2="{width - right}" y1="{height - bottom}" y2="{height - bottom}" stroke="#333"/>'
        f'<line x1="{left}" x2="{left}" y1="{top}" y2="{height - bottom}" stroke="#333"/>',
        f'<polyline points="{dashed}" fill="none" stroke="{color}" stroke-width="1.4" stroke-dasharray="4 3"/>',
        f'<line x1="{x(small[0]):.1f}" y1="{y(small[1]):.1f}" x2="{x(large[0]):.1f}" y2="{y(large[1]):.1f}" '
        f'stroke="{color}" stroke-width="1.8"/>',
        label(small[0], "end", 10),  # the two are close to each other, and lean away
        label(large[0], "start", -10),
        label(end, "middle", 0),
        f'<text x="{(left + width - right) / 2:.0f}" y="{height - 3}" text-anchor="middle" fill="#555">'
        f"size of the data; peaks above the start, meter: {escape(measurement.meter)}</text>",
    ]
    # the first below its point and to the right of the axis, the second above
    labels = ((small, growth.small_peak_bytes, -2, 15, "start"), (large, measurement.peak_bytes, 0, -8, "middle"))
    for (data, peak), seen_bytes, right_by, below_by, anchor in labels:
        parts.append(
            f'<circle cx="{x(data):.1f}" cy="{y(peak):.1f}" r="4" fill="{color}"/>'
            f'<text x="{x(data) + right_by:.1f}" y="{y(peak) + below_by:.1f}" text-anchor="{anchor}" fill="{color}">'
            f"{format_bytes(seen_bytes)}</text>"
        )
    words = f"would be {format_bytes(at_end)}" if measurement.grows else "stays there"
    parts.append(f'<text x="{width - right + 5}" y="{y(at_end) + 4:.1f}" fill="{color}">{words}</text></svg>')
    return "".join(parts)


#: Signs for an eighth of the highest value and more; as many columns fit into a terminal beside their words.
_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = 64


def memory_text(measurement: Measurement) -> str:
    """One line of words, and below it held memory over time, for a terminal.

    >>> print(memory_text(Measurement("tree", 96, 48, 2.0, samples=((0.0, 0), (1.0, 96), (2.0, 12)))))
    peak 96 B of 48 B allowed, 2.0 s, meter: tree
    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁███████████████████████████████▁
    0 to 2.00 s; █ is 96 B, the ceiling ▄
    """
    words = summarize(measurement)
    if not measurement.samples or not measurement.peak_bytes:
        return words
    top = max(measurement.peak_bytes, measurement.ceiling_bytes or 0)
    duration = max(measurement.wall_seconds, measurement.samples[-1][0], 1e-3)
    highest: dict[int, int] = {}
    for at, size in measurement.samples:
        column = min(int(_COLUMNS * at / duration), _COLUMNS - 1)
        highest[column] = max(highest.get(column, 0), size)
    bars, size = [], 0
    for column in range(_COLUMNS):
        size = highest.get(column, size)
        bars.append(_bar(size, top))
    scale = f"0 to {duration:.2f} s; █ is {format_bytes(top)}"
    if measurement.ceiling_bytes is not None:
        scale += f", the ceiling {_bar(measurement.ceiling_bytes, top)}"
    return f"{words}\n{''.join(bars)}\n{scale}"


def _bar(size: float, top: float) -> str:
    return _BARS[min(max(math.ceil(len(_BARS) * size / top) - 1, 0), len(_BARS) - 1)]


_UNTOUCHED, _ONCE = "#ececec", "#2a7f62"
_OFTEN = ("#d9a11e", "#d9721e", "#c0392b")  # twice, three and four times, more


def _cell_color(count: int) -> str:
    if count < 2:
        return _ONCE if count else _UNTOUCHED
    return _OFTEN[0 if count == 2 else 1 if count <= 4 else 2]


def _panels(touched: Touched) -> list[tuple[str, tuple[int, ...], Mapping[str, int]]]:
    """Names, shapes and counts of all grids that something was read or written of."""
    return [
        (f"{grid.name}, {'×'.join(map(str, grid.shape))} chunks, {verb}", grid.shape, counts)
        for grid in touched.grids
        for counts, verb in ((grid.read, "read"), (grid.written, "written"))
        if counts
    ]


def _laid_out(shape: tuple[int, ...], counts: Mapping[str, int]) -> tuple[int, int, dict[tuple[int, int], int]]:
    """Columns and rows of a grid on paper, and the counts by (row, column).

    The longest axis runs to the right, all others down, in storage order.
    """
    along = max(range(len(shape)), key=lambda axis: shape[axis])
    others = [axis for axis in range(len(shape)) if axis != along]
    found = {}
    for place, count in counts.items():
        index = [int(part) for part in place.split(".")]
        row = 0
        for axis in others:
            row = row * shape[axis] + index[axis]
        found[row, index[along]] = count
    return shape[along], math.prod(shape[axis] for axis in others), found


_ROWS = 16


def chunk_text(touched: Touched) -> str:
    """The words, and below them each grid of chunks, for a terminal: how often each was read, or written.

    >>> from autograde.types import ChunkGrid
    >>> print(chunk_text(Touched("a.zarr: 5 chunks read", (ChunkGrid("a.zarr", (2, 4), {"0.1": 1, "1.1": 4}, {}),))))
    a.zarr: 5 chunks read
    a.zarr, 2×4 chunks, read
      ·1··
      ·4··
    """
    lines = [touched.words]
    for name, shape, counts in _panels(touched):
        columns, rows, found = _laid_out(shape, counts)
        across, down = math.ceil(columns / _COLUMNS), math.ceil(rows / _ROWS)
        most: dict[tuple[int, int], int] = {}
        for (row, column), count in found.items():
            place = row // down, column // across
            most[place] = max(most.get(place, 0), count)
        lines.append(name if across * down == 1 else f"{name}; a sign is the most of {down}×{across} chunks")
        lines += [
            "  " + "".join(_sign(most.get((row, column), 0)) for column in range(math.ceil(columns / across)))
            for row in range(math.ceil(rows / down))
        ]
    return "\n".join(lines)


def _sign(count: int) -> str:
    return "·" if not count else str(count) if count < 10 else "+"


def chunk_chart(touched: Touched) -> str:
    """Each array's chunks as a grid, coloured by how often they were read, and another by how often they were written.

    The longest axis runs to the right, all others down, in storage order.
    """
    title, panels = touched.words, _panels(touched)
    parts, top = [], 26.0
    for name, shape, counts in panels:
        panel, below = _grid_panel(name, shape, counts, top)
        parts.append(panel)
        top = below
    legend = [
        ("not touched", _UNTOUCHED),
        ("once", _ONCE),
        *zip(("twice", "3-4 times", "more often"), _OFTEN, strict=True),
    ]
    for number, (name, color) in enumerate(legend):
        left = 12 + 100 * number
        parts.append(
            f'<rect x="{left}" y="{top + 2:.0f}" width="11" height="11" fill="{color}"/>'
            f'<text x="{left + 16}" y="{top + 12:.0f}" fill="#555">{name}</text>'
        )
    height = top + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" width="{_WIDTH}" '
        f'height="{height:.0f}" font-family="sans-serif" font-size="11" role="img"><title>{escape(title)}</title>'
        f'<rect width="{_WIDTH}" height="{height:.0f}" fill="white"/>'
        f'<text x="12" y="16" font-size="12" font-weight="bold" fill="#333">{escape(title)}</text>{"".join(parts)}</svg>'
    )


def _grid_panel(name: str, shape: tuple[int, ...], counts: Mapping[str, int], top: float) -> tuple[str, float]:
    """One grid as SVG, and where it ends."""
    columns, rows, found = _laid_out(shape, counts)
    wide = min(22.0, (_WIDTH - 24) / columns)
    tall = min(22.0, max(wide, 6.0), 220 / rows)
    gap = 1 if min(wide, tall) >= 4 else 0
    cells = [f'<text x="12" y="{top + 11:.0f}" fill="#555">{escape(name)}</text>']
    top += 17
    cells.append(
        f'<rect x="12" y="{top:.1f}" width="{columns * wide:.1f}" height="{rows * tall:.1f}" fill="{_UNTOUCHED}"/>'
    )
    for (row, column), count in found.items():
        left, upper = 12 + column * wide, top + row * tall
        cells.append(
            f'<rect x="{left:.1f}" y="{upper:.1f}" width="{wide - gap:.1f}" height="{tall - gap:.1f}" '
            f'fill="{_cell_color(count)}"/>'
        )
        if count > 1 and min(wide, tall) >= 14:
            cells.append(
                f'<text x="{left + wide / 2:.1f}" y="{upper + tall / 2 + 3.5:.1f}" text-anchor="middle" fill="white" '
                f'font-size="10">{count}</text>'
            )
    return "".join(cells), top + rows * tall + 10


def _title(measurement: Measurement) -> str:
    peak = format_bytes(measurement.peak_bytes)
    if measurement.growth is not None and not measurement.stopped:
        before = format_bytes(measurement.growth.small_peak_bytes)
        mark = "✗ " if measurement.exceeded else "" if measurement.grows else "✓ "
        verb = "grows with the data" if measurement.grows else "does not grow with the data"
        return f"{mark}the peak {verb}: {before}, then {peak}"
    if measurement.ceiling_bytes is None:
        return f"✗ stopped at {peak}" if measurement.stopped else f"peak {peak}"
    peak, ceiling = format_two(measurement.peak_bytes, measurement.ceiling_bytes)
    if measurement.stopped:
        return f"✗ stopped at {peak}: {ceiling} allowed"
    mark = "✗" if measurement.exceeded else "✓"
    return f"{mark} peak {peak} of {ceiling} allowed"


#: Of a unit. Halves and quarters of the next unit are round in both; 200 is not followed by 500, which gives 0.98 GiB.
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 256, 512)


def _ticks(top: float) -> list[float]:
    """Three to five values between 0 and `top`, in bytes, that are round in the unit in which each is shown.

    >>> [format_bytes(tick) for tick in _ticks(72 * 2**20)]
    ['0 B', '20 MiB', '40 MiB', '60 MiB']
    >>> [format_bytes(tick) for tick in _ticks(2.2 * 2**30)]
    ['0 B', '512 MiB', '1 GiB', '1.50 GiB', '2 GiB']
    """
    steps = (factor * 1024**power for power in itertools.count() for factor in _STEPS)
    step = next(step for step in steps if top / step < 5)
    return [step * count for count in range(int(top / step) + 1)]
