"""`slope` tells code whose memory grows with the data from code whose memory does not."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import dask.array as da
import numpy as np
import pytest
import toys
from nbclient import NotebookClient
from nbformat import v4

from autograde import MemoryCeilingExceeded, slope
from autograde.chart import memory_chart
from autograde.errors import CourseError
from autograde.jobs import run_job
from autograde.session import Job
from autograde.types import Exit, Growth, Measurement, Verdict
from autograde.verdict import result_of, verdict_of

MIB = 2**20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="exact figures need the tree meter")
SMALL, LARGE = 32 * MIB, 128 * MIB


def stream(size):
    return sum(int(np.ones(MIB, np.uint8).sum()) for _ in range(size // MIB))


def eager(size):
    return int(np.ones(size, np.uint8).sum())


def child(size):
    # it works on what it holds, as real code does: what a child holds for a moment only, a late poll may miss
    code = f"x = bytearray(b'1') * {size}; print(sum(x))"
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)


def test_a_stream_has_no_slope():
    growth = slope(stream, SMALL, LARGE, data=(SMALL, LARGE))
    assert growth.results == (SMALL, LARGE)
    assert growth.per_byte < 0.05
    assert all(peak < 8 * MIB for peak in growth.peak_bytes)


def test_one_copy_of_everything_has_slope_one():
    with pytest.raises(
        MemoryCeilingExceeded, match="Memory grows with the data: 32 MiB for 32 MiB of data, 128 MiB"
    ) as caught:
        slope(eager, SMALL, LARGE, data=(SMALL, LARGE))
    assert caught.value.measurement.per_byte == pytest.approx(1, abs=0.3)
    assert "Each further byte of data costs 1" in str(caught.value)
    assert "a 1 TiB recording would need 1" in str(caught.value)


def test_memory_in_a_child_process_counts():
    with pytest.raises(MemoryCeilingExceeded) as caught:
        slope(child, SMALL, LARGE, data=(SMALL, LARGE))
    assert caught.value.measurement.per_byte == pytest.approx(1, abs=0.3)


def test_sizes_are_taken_from_arrays():
    arrays = np.zeros(5, "uint16"), np.zeros(20, "uint16")
    growth = slope(lambda values: values.size, *arrays)
    assert growth.results == (5, 20)
    assert growth.measurement.data_bytes == 40
    assert growth.measurement.growth.small_data_bytes == 10


@pytest.mark.parametrize("data", [(5, 5), (7, 3), ("2 KiB", "2048 B")])
def test_sizes_that_cannot_be_compared_are_refused(data):
    with pytest.raises(
        CourseError, match=r"slope\(\) compares a small run with a larger one, got .* pass the smaller one"
    ):
        slope(stream, 1, 2, data=data)


@pytest.mark.parametrize(
    "data", [None, (0, 3), (5,), (1, 2, 3), 7, ("much", "more"), "12", (float("nan"), 5), (2.5, 5.5)]
)
def test_sizes_that_are_not_known_are_refused_with_what_to_pass(data):
    with pytest.raises(CourseError, match=r"slope\(\) needs to know how much data there is.*'32 MiB', '128 MiB'"):
        slope(stream, 1, 2, data=data)


def test_arrays_whose_size_is_not_known_are_refused():
    lazy = da.ones(8, chunks=4)
    for small, large in ((np.ones(3), [1, 2]), (lazy[lazy > 0], lazy), (np.ones(3), lazy[lazy > 0])):
        with pytest.raises(CourseError, match=r"needs to know how much data there is, two sizes above zero, got \("):
            slope(np.sum, small, large)


def test_sizes_may_be_written_with_their_unit():
    growth = slope(lambda size: size, 1, 2, data=("8 KiB", "32 KiB"))
    assert growth.measurement.data_bytes == 32 * 2**10
    assert growth.measurement.growth.small_data_bytes == 8 * 2**10


@pytest.mark.parametrize(("tib", "end"), [(1, "2 TiB"), (3, "6 TiB"), (0.25, "1 TiB")])
def test_data_of_a_tebibyte_and_more_is_drawn_too(tib, end):
    seen = Measurement(
        "tree", 160 * MIB, 52 * MIB, 1.0, data_bytes=round(tib * 2**40), growth=Growth(32 * MIB, 2**36, 0.2)
    )
    svg = ET.fromstring(memory_chart(seen))
    assert end in [node.text for node in svg.iter() if node.get("text-anchor") == "middle"]
    (way,) = (node for node in svg.iter() if node.tag.endswith("polyline"))
    across = [float(point.split(",")[0]) for point in way.get("points").split()]
    assert across == sorted(across)
    assert across[0] < across[-1]


def test_what_the_code_raises_comes_through():
    def fails(size):
        raise ZeroDivisionError("no such size")

    with pytest.raises(ZeroDivisionError, match="no such size"):
        slope(fails, 1, 4, data=(1, 4))


def test_growth_below_the_noise_passes():
    growth = slope(eager, MIB, 4 * MIB, data=(MIB, 4 * MIB))
    assert growth.per_byte == pytest.approx(1, abs=0.4)


def judged(tmp_path, text, more=""):
    course = toys.write_course(
        tmp_path / "course",
        {
            "exercise": toys.book(
                toys.setup("import numpy as np\nfrom autograde import slope\nMIB = 2**20"),
                toys.solution("total", "def total(n):\n    return n"),
                toys.test(
                    "test_total",
                    "growth = slope(lambda n: total(n), 32, 128, data=(32 * MIB, 128 * MIB))\n"
                    f"assert growth.results == (32, 128), f'got {{growth.results}}'{more}",
                ),
            )
        },
    )
    source = course.root / "source" / "toy" / "exercise.ipynb"
    handed = toys.hand_in(course, "s", toys.answered(toys.nbformat.read(source, 4), {"total": text}))
    (outcome,) = run_job(
        Job(
            name="exercise", source=str(source), submission=str(handed), folder=str(source.parent), ceiling_scale=100.0
        ),
        tmp_path / "facts.jsonl",
    )
    return outcome


EAGER = "def total(n):\n    everything = np.ones(n * MIB, np.uint8)\n    return len(everything) // MIB"


def test_the_judge_accepts_a_stream(tmp_path):
    outcome = judged(
        tmp_path, "def total(n):\n    return sum(int(np.ones(MIB, np.uint8).sum()) for _ in range(n)) // MIB"
    )
    assert outcome.exit is Exit.PASSED, outcome
    assert outcome.blocks[0].growth.small_data_bytes == 32 * MIB


def test_the_judge_refuses_a_copy_and_names_the_line_and_no_setting_for_ceilings_changes_that(tmp_path):
    outcome = judged(tmp_path, EAGER)
    assert verdict_of(outcome) is Verdict.MLE
    message = result_of(outcome, 1).message
    assert message.startswith("Right answer, but its memory grows with the data")
    assert "Line 2 of `total`" in message


def test_a_wrong_answer_comes_first(tmp_path):
    outcome = judged(tmp_path, EAGER.replace("// MIB", "// MIB + 1"))
    assert verdict_of(outcome) is Verdict.WA


def test_a_notebook_shows_one_picture_and_fails_after_the_rest_of_the_cell():
    code = (
        "import numpy as np\nfrom autograde import slope\n"
        "growth = slope(lambda n: np.ones(n, np.uint8).nbytes, 2**25, 2**27, data=(2**25, 2**27))\nprint('after')"
    )
    made = v4.new_notebook(cells=[v4.new_code_cell(code)])
    NotebookClient(made, timeout=120, kernel_name="python3", allow_errors=True).execute()
    pictures, words, errors = [], "", []
    for output in made.cells[0].outputs:
        if output.output_type == "display_data":
            pictures.append(output.data["image/svg+xml"])
        elif output.output_type == "stream":
            words += output.text
        else:
            errors.append(output)
    assert len(pictures) == 1
    assert "the peak grows with the data" in pictures[0]
    assert words == "after\n"
    assert errors[0].ename == "MemoryCeilingExceeded"
    assert "Right answer, but its memory grows with the data" in errors[0].evalue


@pytest.mark.parametrize(("peak", "words"), [(160, "would be"), (33, "stays there")])
def test_the_picture_is_well_formed_and_says_what_it_shows(peak, words):
    seen = Measurement("tree", peak * MIB, 52 * MIB, 1.0, data_bytes=128 * MIB, growth=Growth(32 * MIB, 32 * MIB, 0.2))
    svg = memory_chart(seen)
    ET.fromstring(svg)
    assert words in svg


def test_growth_that_is_allowed_is_drawn_as_growth_all_the_same():
    seen = Measurement(
        "tree", 385 * MIB, 1057 * MIB, 1.0, data_bytes=128 * MIB, growth=Growth(97 * MIB, 32 * MIB, 10.0)
    )
    svg = memory_chart(seen)
    assert not seen.exceeded
    assert ">the peak grows with the data: 97 MiB, then 385 MiB<" in svg
    assert "would be 3 TiB" in svg
    assert "✓" not in svg


def test_peaks_below_the_noise_are_named_as_they_were_measured():
    kib = 2**10
    seen = Measurement("tree", 692 * kib, 17 * MIB, 1.0, data_bytes=280 * kib, growth=Growth(336 * kib, 70 * kib, 0.2))
    assert re.findall(r">([0-9.]+ KiB)</text>", memory_chart(seen)) == ["70 KiB", "280 KiB", "336 KiB", "692 KiB"]
