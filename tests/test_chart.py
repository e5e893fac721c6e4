"""The chart is a well-formed picture that says in words what it shows."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from autograde.chart import _ticks, chunk_text, memory_chart, memory_text
from autograde.types import ChunkGrid, Measurement, Touched, format_bytes, parse_bytes

MIB, GIB = 2**20, 2**30
SVG = "{http://www.w3.org/2000/svg}"
SAMPLES = ((0.0, 0), (0.5, 13 * MIB), (1.0, 5 * MIB))


def picture(**facts):
    known = {
        "meter": "tree",
        "peak_bytes": 13 * MIB,
        "ceiling_bytes": 64 * MIB,
        "wall_seconds": 1.0,
        "samples": SAMPLES,
    }
    return ET.fromstring(memory_chart(Measurement(**(known | facts))))


def texts(svg):
    return [node.text for node in svg.iter(f"{SVG}text")]


def lines_of(svg, label):
    """Height of the line that carries `label`, in the picture's units."""
    nodes = list(svg)
    at = next(i for i, node in enumerate(nodes) if node.tag == f"{SVG}text" and (node.text or "").startswith(label))
    assert nodes[at - 1].tag == f"{SVG}line"
    return float(nodes[at - 1].get("y1"))


def test_the_ceiling_is_labelled_with_its_size():
    assert "ceiling 64 MiB" in texts(picture())


def test_the_title_says_whether_it_fits():
    assert picture().find(f"{SVG}title").text == "✓ peak 13 MiB of 64 MiB allowed"
    assert picture(peak_bytes=65 * MIB).find(f"{SVG}title").text == "✗ peak 65 MiB of 64 MiB allowed"
    stopped = picture(peak_bytes=65 * MIB, stopped=True)
    assert stopped.find(f"{SVG}title").text == "✗ stopped at 65 MiB: 64 MiB allowed"
    assert picture(ceiling_bytes=None).find(f"{SVG}title").text == "peak 13 MiB"


def test_the_title_tells_a_peak_from_a_ceiling_that_it_just_broke():
    just = picture(peak_bytes=round(64.4 * MIB))
    assert just.find(f"{SVG}title").text == "✗ peak 64.4 MiB of 64 MiB allowed"
    stopped = picture(peak_bytes=round(64.4 * MIB), stopped=True)
    assert stopped.find(f"{SVG}title").text == "✗ stopped at 64.4 MiB: 64 MiB allowed"


def test_a_block_that_was_stopped_without_a_ceiling_is_said_to_be():
    svg = picture(ceiling_bytes=None, stopped=True)
    assert svg.find(f"{SVG}title").text == "✗ stopped at 13 MiB"
    assert svg.find(f"{SVG}polyline").get("stroke") == "#c0392b"


def ticks(svg):
    return [node.text for node in svg.iter(f"{SVG}text") if node.get("text-anchor") == "end" and node.text != "1.00 s"]


@pytest.mark.parametrize(
    ("peak_bytes", "expected"),
    [
        (13 * MIB, ["0 B", "20 MiB", "40 MiB", "60 MiB"]),
        (880 * MIB, ["0 B", "200 MiB", "400 MiB", "600 MiB", "800 MiB"]),
        (1 * GIB, ["0 B", "256 MiB", "512 MiB", "768 MiB", "1 GiB"]),
        (3 * GIB, ["0 B", "1 GiB", "2 GiB", "3 GiB"]),
        (20 * GIB, ["0 B", "5 GiB", "10 GiB", "15 GiB", "20 GiB"]),
        (2**40, ["0 B", "256 GiB", "512 GiB", "768 GiB", "1 TiB"]),
    ],
)
def test_the_axis_has_round_values_in_the_unit_that_is_shown(peak_bytes, expected):
    assert ticks(picture(peak_bytes=peak_bytes, samples=())) == expected


def test_the_axis_has_three_to_five_values_that_are_shown_as_what_they_are():
    tops = [MIB * 1.07**step for step in range(330)]  # to 5 PiB
    for top in tops:
        values = _ticks(top)
        assert 3 <= len(values) <= 5
        assert values[-1] <= top
        assert [parse_bytes(format_bytes(value)) for value in values[1:]] == values[1:]


def test_a_peak_that_was_not_observed_is_said_and_drawn_without_a_curve():
    svg = picture(peak_bytes=None, samples=())
    assert svg.find(f"{SVG}title").text == "✗ peak not observed of 64 MiB allowed"
    assert svg.find(f"{SVG}polyline") is None


def test_prediction_and_data_have_lines_of_their_own_and_data_off_the_scale_an_arrow():
    shown = texts(picture(predicted_bytes=30 * MIB, data_bytes=40 * GIB))
    assert "predicted 30 MiB" in shown
    assert "data 40 GiB ↑" in shown


def test_a_higher_size_is_drawn_higher():
    svg = picture(predicted_bytes=30 * MIB)
    assert lines_of(svg, "ceiling") < lines_of(svg, "predicted")


def test_labels_of_equal_sizes_do_not_lie_on_each_other():
    svg = picture(predicted_bytes=64 * MIB, data_bytes=64 * MIB)
    heights = [
        float(node.get("y"))
        for node in svg.iter(f"{SVG}text")
        if (node.text or "").split(" ")[0] in ("ceiling", "predicted", "data")
    ]
    assert len(heights) == 3
    assert all(abs(one - two) >= 12 for i, one in enumerate(heights) for two in heights[:i])


def test_the_curve_passes_through_its_samples_and_stays_in_the_picture():
    svg = picture()
    points = [tuple(map(float, point.split(","))) for point in svg.find(f"{SVG}polyline").get("points").split()]
    assert [x for x, _ in points] == [62.0, 235.0, 408.0]
    assert points[1][1] < points[2][1] < points[0][1] == 140.0
    assert all(0 <= x <= 520 and 0 <= y <= 170 for x, y in points)


@pytest.mark.parametrize("meter", ["<script>alert(1)</script>", 'a "quoted" & b', "psutil (advisory)", "naïve ☃"])
def test_whatever_a_meter_is_called_the_picture_stays_well_formed(meter):
    svg = picture(meter=meter)
    assert any(meter in (text or "") for text in texts(svg))
    assert not [node for node in svg.iter() if node.tag.endswith("script")]


@pytest.mark.parametrize(
    "facts",
    [
        {"wall_seconds": 0.0},
        {"peak_bytes": 0, "samples": ((0.0, 0),)},
        {"samples": ((0.0, 1),), "peak_bytes": 1, "ceiling_bytes": 1},
        {"peak_bytes": 3 * 2**40, "ceiling_bytes": 1, "samples": ((0.0, 3 * 2**40),)},
        {"samples": ((0.0, 1), (99.0, 2))},  # later than the end
    ],
)
def test_extreme_figures_give_a_picture_too(facts):
    assert picture(**facts).tag == f"{SVG}svg"


def test_free_memory_is_drawn_to_scale_or_named_at_the_top():
    assert "free 21 GiB ↑" in texts(picture(available_bytes=21 * GIB))
    assert "free 100 MiB" in texts(picture(available_bytes=100 * MIB, peak_bytes=90 * MIB))


# --- for a terminal ---------------------------------------------------------------------------------------------------


def test_a_terminal_shows_memory_over_time_against_the_ceiling():
    seen = Measurement("tree", 64 * MIB, 16 * MIB, 2.0, samples=((0.0, 0), (1.0, 64 * MIB), (1.5, 8 * MIB)))
    words, bars, scale = memory_text(seen).splitlines()
    assert words == "peak 64 MiB of 16 MiB allowed, 2.0 s, meter: tree"
    assert bars == "▁" * 32 + "█" * 16 + "▁" * 16
    assert scale == "0 to 2.00 s; █ is 64 MiB, the ceiling ▂"


def test_what_lies_below_the_ceiling_is_drawn_below_it():
    bars = memory_text(Measurement("tree", 32 * MIB, 64 * MIB, 1.0, samples=((0.0, 32 * MIB),))).splitlines()[1]
    assert set(bars) == {"▄"}


def test_a_peak_that_was_not_observed_has_words_only():
    assert memory_text(Measurement("tree", None, 64 * MIB, 1.0)).splitlines() == [
        "peak not observed of 64 MiB allowed, 1.0 s, meter: tree"
    ]


def test_a_terminal_shows_each_grid_of_chunks():
    grid = ChunkGrid("a.zarr", (2, 3), {"0.0": 1, "1.2": 12}, {"0.1": 3})
    assert chunk_text(Touched("some words", (grid,))).splitlines() == [
        "some words",
        "a.zarr, 2×3 chunks, read",
        "  1··",
        "  ··+",
        "a.zarr, 2×3 chunks, written",
        "  ·3·",
        "  ···",
    ]


def test_a_wide_grid_is_drawn_by_its_most_touched_chunks():
    lines = chunk_text(Touched("", (ChunkGrid("m", (1, 100), {"0.0": 1, "0.1": 2, "0.99": 1}, {}),))).splitlines()
    assert lines[1:] == ["m, 1×100 chunks, read; a sign is the most of 1×2 chunks", "  2" + "·" * 48 + "1"]
