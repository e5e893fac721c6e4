"""The line that is spoken of is the cause, not the one that happened to work when most was held."""

from __future__ import annotations

import pytest

from autograde.habits import cause_of, habit_of
from autograde.recording import Held
from autograde.types import MIB, Line

WHOLE_AXIS = """\
def subtract_background(video, window):
    whole = video.rechunk({0: -1})  # so that there are no seams
    return whole.map_blocks(lambda block: block.astype("int16") - running_median(block, window), dtype="int16")
"""
NESTED = """\
def dff(movie, window):
    def one(block):
        f0 = baseline(block, window)
        return (block.astype("float32") - f0) / f0

    return movie.rechunk({0: -1}).map_blocks(one, dtype="float32")
"""
POOL = """\
def apply_blocks(function, source, target):
    regions = [tuple(slice(a, a + 8) for a in corner) for corner in corners(target)]
    blocks = [source[region] for region in regions]
    with ThreadPoolExecutor(4) as pool:
        for region, result in zip(regions, pool.map(function, blocks)):
            target[region] = result
"""
TASKS = """\
def write_sharded(source, path, chunks, shards):
    sizes = [known[shard] for shard in shards]
    with ThreadPoolExecutor(64) as pool:
        list(pool.map(copy, sizes))
"""


FILLED = """\
def save_chunked(frames, path, shape):
    everything = np.empty(shape, "uint16")
    for t, frame in enumerate(frames):
        everything[t] = frame
    array = zarr.create_array(path, data=everything)
    for t, frame in enumerate(frames):
        print(t)
        everything[t] = frame
"""


@pytest.mark.parametrize(("cell", "number", "cause"), [(WHOLE_AXIS, 3, 2), (NESTED, 3, 6), (NESTED, 4, 6)])
def test_a_step_that_dask_runs_on_all_of_time_is_not_to_blame_but_the_rechunk_that_made_it_so(cell, number, cause):
    found, function = cause_of(cell, number)
    assert found == cause
    assert function == cell.partition("(")[0].removeprefix("def ")
    assert habit_of(cell.splitlines()[found - 1]).name == "whole axis"


@pytest.mark.parametrize("number", [5, 6])
def test_where_a_pool_works_through_parts_that_were_all_read_before_the_reading_is_to_blame(number):
    assert cause_of(POOL, number) == (3, "apply_blocks")
    assert habit_of(POOL.splitlines()[2]).does == "keeps every piece in a list"


@pytest.mark.parametrize("number", [3, 4])
def test_where_a_loop_does_nothing_but_fill_an_array_the_line_that_made_it_is_to_blame(number):
    assert cause_of(FILLED, number) == (2, "save_chunked")
    assert habit_of(FILLED.splitlines()[1]).does == "makes room for a whole array, which is held once it is filled"
    assert cause_of(FILLED, 6) == (6, None), "this one does something else, too"


@pytest.mark.parametrize(
    "made",
    [
        "np.empty(shape, 'uint16')",
        "np.zeros(shape, dtype='float32')",
        "numpy.full(shape, 0.5, np.float64)",
        "np.zeros_like(frames, dtype='float64')",
        "np.ones(n // 4)",
    ],
)
def test_room_of_any_type_is_room_and_no_copy_and_what_fills_it_is_not_to_blame(made):
    cell = FILLED.replace('np.empty(shape, "uint16")', made)
    assert habit_of(cell.splitlines()[1]).name == "room"
    assert cause_of(cell, 4) == (2, "save_chunked")


def test_room_that_is_converted_is_a_copy():
    assert habit_of("out = np.zeros(shape).astype('float32')").name == "wider"
    assert habit_of("smooth = convolve(trace.astype('float64'), np.ones(5))").name == "wider"


@pytest.mark.parametrize("made", ["np.ones(block.shape, 'uint16')", "np.ones(block.shape, 'float32')"])
def test_room_for_a_block_that_is_all_of_time_is_not_to_blame_but_the_rechunk_is(made):
    cell = f"def dff(movie):\n    def one(block):\n        f0 = {made}\n    return movie.rechunk({{0: -1}}).map_blocks(one)"
    assert cause_of(cell, 3) == (4, "dff")


@pytest.mark.parametrize("more", ["aszarr=True", "key=0, aszarr = True"])
def test_an_image_that_is_opened_as_a_store_is_not_read(more):
    assert habit_of(f"store = tifffile.imread(path, {more})") is None
    assert habit_of(f"volume = zarr.open(tifffile.imread(path, {more}))[:]").name == "whole"
    assert habit_of("volume = tifffile.imread(path, aszarr=False)").name == "image"


def test_a_pool_whose_results_nobody_keeps_is_not_said_to_keep_every_piece():
    assert cause_of(TASKS, 4) == (4, None), "parts of what is not an argument are no data"
    assert habit_of(TASKS.splitlines()[3]).does.startswith("works on several pieces at the same time")
    assert habit_of("    results = list(pool.map(work, corners))").does == "keeps every piece in a list"


def test_a_function_of_the_set_up_that_a_pool_runs_is_not_to_blame():
    theirs, mine = Line("setup", 40, "return np.sqrt(block)", "stabilize"), Line("answer", 5, "pool.map(f, a)", "work")
    held = Held(lines=[(200 * MIB, "<setup>", theirs), (60 * MIB, "<answer>", mine)])
    assert held.line(at_least_bytes=50 * MIB, cell="<answer>") == mine
    assert held.line(at_least_bytes=100 * MIB, cell="<answer>") is None, "then the line that called is spoken of"
    assert held.line(at_least_bytes=100 * MIB, cell=None) == theirs


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("def f(x):\n    y = x.rechunk({0: -1})\n    return np.stack(parts)", 3),  # says itself what it does
        ("def f(x):\n    y = x.rechunk({1: -1})\n    return y.astype('f8')", 3),  # all channels, as it should be
        ("def f(x):\n    # not x.rechunk(-1)\n    return x.astype('f8')", 3),
        ("def g(x):\n    return x.rechunk(-1)\n\ndef f(x):\n    return x.astype('f8')", 5),  # another function
        ("x.astype('f8')", 1),
        ("this is no Python", 1),
        ("def f(x):\n    return x", 9),
    ],
)
def test_a_line_that_no_other_explains_is_spoken_of_itself(cell, number):
    assert cause_of(cell, number) == (number, None)


@pytest.mark.parametrize(
    "text", ["x.rechunk(-1)", "x.rechunk((-1, 8))", "x.rechunk({1: 4, 0: -1})", "x.rechunk( [-1, 2])"]
)
def test_every_way_to_join_the_first_axis_is_known(text):
    assert habit_of(text).name == "whole axis"
    assert habit_of(text.replace("-1", "16")).name == "rechunk"
