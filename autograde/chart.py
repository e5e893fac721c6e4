"""A small picture of memory over time, as SVG: needs no plotting library, and so no memory of its own."""

from __future__ import annotations

from html import escape

from .types import MIB, Measurement, format_bytes

__all__ = ["memory_chart"]

_WIDTH, _HEIGHT = 520, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 112, 26, 30
_GOOD, _BAD, _LIMIT, _PREDICTED, _DATA = "#2a7f62", "#c0392b", "#c0392b", "#2b6cb0", "#8a6d1d"


def memory_chart(measurement: Measurement) -> str:
    """Held memory above the baseline against time, with ceiling, prediction and data size where they are known."""
    peak = measurement.peak_bytes or 0
    marks = [
        (measurement.ceiling_bytes, "ceiling", _LIMIT, "6 3"),
        (measurement.predicted_bytes, "predicted", _PREDICTED, "2 3"),
        (measurement.data_bytes, "data", _DATA, "1 3"),
    ]
    known = [(size, name, color, dash) for size, name, color, dash in marks if size is not None]
    # the data may be far larger than everything else: then it is named at the top, not drawn to scale
    scale_to = [peak, MIB, *(size for size, name, *_ in known if name != "data" or size <= 2.5 * max(peak, MIB))]
    top = 1.12 * max(scale_to)
    duration = max(measurement.wall_seconds, 1e-3)
    inner_width, inner_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def x(seconds: float) -> float:
        return _LEFT + inner_width * min(max(seconds / duration, 0.0), 1.0)

    def y(size: float) -> float:
        return _TOP + inner_height * (1 - min(max(size / top, 0.0), 1.0))

    color = _BAD if measurement.exceeded else _GOOD
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


def _title(measurement: Measurement) -> str:
    peak = format_bytes(measurement.peak_bytes)
    if measurement.ceiling_bytes is None:
        return f"peak {peak}"
    if measurement.stopped:
        return f"✗ stopped at {peak}: {format_bytes(measurement.ceiling_bytes)} allowed"
    mark = "✗" if measurement.exceeded else "✓"
    return f"{mark} peak {peak} of {format_bytes(measurement.ceiling_bytes)} allowed"


def _ticks(top: float) -> list[float]:
    """Three to five round values between 0 and `top`, in steps of 1, 2 or 5 times a power of ten MiB.

    >>> [tick / 2**20 for tick in _ticks(72 * 2**20)]
    [0.0, 20.0, 40.0, 60.0]
    """
    step = MIB / 100
    while True:
        for factor in (1, 2, 5):
            if top / (step * factor) <= 5:
                return [step * factor * count for count in range(int(top / (step * factor)) + 1)]
        step *= 10
