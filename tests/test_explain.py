"""The message says what is right, the gap, the line, what it means at real size, one thing to try: in that order."""

from __future__ import annotations

import dataclasses

import pytest

from autograde.explain import explain_memory, summarize
from autograde.types import Allocation, Line, Measurement

MIB, GIB = 2**20, 2**30

HUNGRY = Measurement(
    meter="tree",
    peak_bytes=1024 * MIB,
    ceiling_bytes=128 * MIB,
    wall_seconds=2.5,
    line=Line(cell="convert", number=4, text="volume = stack[:]", function=None),
    allocations=(Allocation(960 * MIB, "read_chunks", "zarr.py"),),
    data_bytes=1024 * MIB,
)


def variant(**changes):
    return dataclasses.replace(HUNGRY, **changes)


def test_the_sentences_come_in_the_order_right_gap_line_size_try():
    assert explain_memory(HUNGRY, right=True) == (
        "Right answer, too much memory: 1 GiB, 128 MiB allowed. "
        "Line 4 of cell `convert`, `volume = stack[:]`, reads the whole array at once. "
        "At this rate a 1 TiB recording would need 1 TiB of memory. "
        "Try: take a slab (some planes, frames or samples), finish it, then take the next "
        "(and for a size ask .shape, which reads nothing)."
    )


def test_nothing_is_called_right_that_is_not_known_to_be():
    assert explain_memory(HUNGRY).startswith("Too much memory: 1 GiB, 128 MiB allowed. Line 4")


def test_a_block_that_was_stopped_says_so_and_calls_its_figures_lower_bounds():
    message = explain_memory(variant(stopped=True, peak_bytes=512 * MIB), right=True)
    assert message.startswith("Too much memory: stopped at 512 MiB, before it got worse; 128 MiB are allowed. Line 4")
    assert "1 TiB" not in message  # what was stopped may have had no end
    assert "Right answer" not in message


def test_a_block_without_a_ceiling_that_was_stopped_says_what_was_free():
    text = explain_memory(variant(ceiling_bytes=None, stopped=True, available_bytes=7 * GIB, peak_bytes=5 * GIB))
    assert text.startswith(
        "Too much memory for this computer: stopped at 5 GiB, before it took most of what was free (7 GiB)."
    )
    assert "not observed" not in text


def test_a_peak_just_above_its_ceiling_reads_higher_than_it():
    text = explain_memory(variant(peak_bytes=67_528_294, ceiling_bytes=67_108_864))
    assert text.startswith("Too much memory: 64.4 MiB, 64 MiB allowed.")


def test_a_peak_that_was_not_observed_is_not_called_too_much():
    assert explain_memory(variant(peak_bytes=None)) == (
        "The memory of this block could not be measured, and a missing measurement is not a pass. "
        "Try: restart the kernel and run again; if it stays, tell your instructor (`autograde doctor` shows why)."
    )


def test_memory_left_over_from_earlier_cells_is_named_and_the_function_is_praised():
    seen = variant(peak_bytes=1064 * MIB, before_bytes=1024 * MIB, leftovers=(("data", 1000 * MIB), ("copy", 20 * MIB)))
    assert explain_memory(seen) == (
        "Your function used only 40 MiB, well done. But before it was called the notebook already held 1 GiB: "
        "`data` (0.98 GiB), `copy` (20 MiB); 128 MiB are allowed together. "
        "Try: write `del data, copy` at the end of the cell that makes it, or take the line out that does; "
        "then restart the kernel and run all cells."
    )


def test_leftovers_without_a_name_are_still_told():
    message = explain_memory(variant(peak_bytes=1064 * MIB, before_bytes=1024 * MIB))
    assert "the notebook already held 1 GiB; 128 MiB are allowed together" in message


def test_leftovers_do_not_excuse_a_function_that_is_too_hungry_by_itself():
    message = explain_memory(variant(before_bytes=300 * MIB, leftovers=(("data", 300 * MIB),)))
    assert message.startswith("Too much memory: 1 GiB, 128 MiB allowed. Line 4")


def test_a_block_that_was_stopped_is_not_praised_for_its_leftovers():
    message = explain_memory(variant(peak_bytes=600 * MIB, before_bytes=590 * MIB, stopped=True))
    assert message.startswith("Too much memory: stopped at 600 MiB")


@pytest.mark.parametrize(
    ("text", "habit", "instead"),
    [
        ("p = dask.delayed(imread(path))", "reads now", "dask.delayed(read)(path)"),
        ("array[:] = np.array(frames)", "holds everything at once, to write it", "write each part into its place"),
        ("a = np.stack(planes)", "joins all the parts in memory", "write each part into its place"),
        ("return x.compute()", "is where dask does the work", "let dask write block by block"),
        ("y = x.rechunk((1, -1, -1))", "keeps many blocks alive", "whole numbers of the chunks you write"),
        ("data = z[...]", "reads the whole array at once", "take a slab"),
        ("data = z[:, :, :]", "reads the whole array at once", "take a slab"),
        ("data = np.asarray(z)", "makes one array of everything", "write each part"),
        ("v = tifffile.imread(files)", "reads image data", "read one file (or a few planes)"),
        ("v = np.fromfile(path, 'int16')", "reads the whole file", "read one piece (a chunk or a few)"),
        ("x.to_zarr(array)", "first rechunks to blocks of about 128 MiB", "da.store(x, array, lock=False)"),
        ("parts.append(read(i))", "keeps every piece in a list", "keep none of them"),
        ("y = x.astype('float64')", "makes a wider copy", "convert only that slab"),
        ("da.store(x, out)", "runs a dask graph", "give dask blocks of a few MiB"),
    ],
)
def test_a_line_that_shows_a_known_habit_gets_its_own_advice(text, habit, instead):
    message = explain_memory(variant(line=Line("convert", 7, text, "work")))
    assert f"Line 7 of `work`, `{text}`, {habit}" in message
    assert instead in message.partition(" Try: ")[2]


def test_a_line_without_a_known_habit_is_still_named():
    message = explain_memory(variant(line=Line(None, 2, "x = mystery(y)", None)))
    assert "Line 2, `x = mystery(y)`, ran when most was held." in message


def test_without_a_line_there_is_no_empty_sentence():
    assert explain_memory(variant(line=None, allocations=(), data_bytes=None)) == (
        "Too much memory: 1 GiB, 128 MiB allowed. "
        "Try: take a slab (some planes, frames or samples), finish it, then take the next."
    )


def test_where_no_line_is_known_the_function_of_a_library_is_named():
    assert "960 MiB of it came from `read_chunks` (zarr.py). At this rate" in explain_memory(variant(line=None))


def test_a_small_part_of_the_peak_is_not_blamed():
    small = variant(line=None, allocations=(Allocation(250 * MIB, "read_chunks", "zarr.py"),))
    assert "read_chunks" not in explain_memory(small)


def test_native_code_is_named_without_an_empty_place():
    native = variant(line=None, allocations=(Allocation(960 * MIB, "native code", ""),))
    assert "960 MiB of it came from `native code`. At this rate" in explain_memory(native)


def test_a_very_long_line_is_cut():
    message = explain_memory(variant(line=Line(None, 1, "x = " + "1 + " * 100, None)))
    assert "`x = " + "1 + " * 20 + "1 +..." in message
    assert len(message) < 500


def test_children_and_shared_memory_are_named_when_they_matter():
    message = explain_memory(variant(child_bytes=600 * MIB, shared_bytes=300 * MIB))
    assert "600 MiB of it are in child processes, which count too." in message
    assert "300 MiB of it are shared memory, which counts too." in message
    quiet = explain_memory(variant(child_bytes=10 * MIB, shared_bytes=0))
    assert "child" not in quiet
    assert "shared" not in quiet


def test_the_summary_has_peak_ceiling_prediction_time_and_meter():
    seen = Measurement("tree", 40 * MIB, 64 * MIB, 1.25, predicted_bytes=30 * MIB)
    assert summarize(seen) == "peak 40 MiB of 64 MiB allowed, you predicted 30 MiB, 1.2 s, meter: tree"
    assert summarize(Measurement("psutil (advisory)", None, None, 0.5)) == (
        "peak not observed, 0.5 s, meter: psutil (advisory)"
    )
