"""`reads` counts every opened chunk file: by zarr, dask, child processes and plain Python; and says when it cannot know."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections import Counter

import dask
import dask.array as da
import numpy as np
import pytest
import toys
import zarr

from autograde import reads
from autograde.calls import zarr_calls
from autograde.chart import chunk_chart
from autograde.errors import CourseError
from autograde.jobs import run_job
from autograde.judge import judge_notebook
from autograde.reads import ReadsNotObserved, _Inotify, _times, grids_of, touched_by
from autograde.session import Job
from autograde.types import ChunkGrid, Exit, Touched

linux = pytest.mark.skipif(sys.platform != "linux", reason="inotify")
pytestmark = linux


@pytest.fixture
def movie(tmp_path):
    """3 x 2 x 5 chunks of (4, 8, 8), the last along t and x cut off."""
    array = zarr.create_array(tmp_path / "movie.zarr", shape=(11, 16, 37), chunks=(4, 8, 8), dtype="uint16")
    array[:] = 7
    return array


def folder(array):
    return array.store.root


def test_one_plane_opens_one_layer_of_chunks(movie):
    with reads(folder(movie)) as r:
        movie[5]
    assert r.reads == 10
    assert r.writes == 0
    assert dict(r.chunks_read) == {f"c/1/{y}/{x}": 1 for y in range(2) for x in range(5)}


def test_chunks_that_are_read_twice_count_twice(movie):
    with reads(folder(movie)) as r:
        for _ in range(3):
            movie[0, 0, 0]
    assert dict(r.chunks_read) == {"c/0/0/0": 3}


def test_one_joint_compute_reads_each_chunk_once_and_two_read_twice(movie):
    lazy = da.from_zarr(movie)
    with reads(folder(movie)) as once, dask.config.set(scheduler="threads"):
        dask.compute(lazy.mean(), lazy.std())
    with reads(folder(movie)) as twice:
        lazy.mean().compute()
        lazy.std().compute()
    assert (once.reads, twice.reads) == (30, 60)
    assert set(once.chunks_read.values()) == {1}


def test_misaligned_writes_show_as_chunks_written_again_and_again(tmp_path):
    array = zarr.create_array(tmp_path / "out.zarr", shape=(8, 8), chunks=(4, 8), dtype="uint8")
    with reads(tmp_path) as r:
        for row in range(8):
            array[row] = row + 1
    assert dict(r.chunks_written) == {"out.zarr/c/0/0": 4, "out.zarr/c/1/0": 4}
    assert r.reads == 6  # all but the first write into each have to read what was there


def test_arrays_that_are_made_inside_the_block_are_counted(tmp_path):
    with reads(tmp_path) as r:
        group = zarr.create_group(tmp_path / "new.zarr")
        array = group.create_array("0", shape=(12, 6), chunks=(3, 3), dtype="uint8")
        array[:] = 3
    assert r.writes == 8
    assert set(r.chunks_written) == {f"new.zarr/0/c/{y}/{x}" for y in range(4) for x in range(2)}


def test_metadata_and_other_files_are_no_chunks(movie):
    with reads(folder(movie)) as r:
        zarr.open_array(folder(movie), mode="r")
        (folder(movie) / "notes.txt").write_text("none")
        (folder(movie) / "notes.txt").read_text()
    assert (r.reads, r.writes) == (0, 0)


def test_format_2_and_flat_keys_are_known(tmp_path):
    for name, options in {
        "v2": {"zarr_format": 2},
        "v2slash": {"zarr_format": 2, "chunk_key_encoding": {"name": "v2", "separator": "/"}},
        "v3dot": {"chunk_key_encoding": {"name": "default", "separator": "."}},
    }.items():
        array = zarr.create_array(tmp_path / name, shape=(6, 4), chunks=(3, 4), dtype="uint8", **options)
        with reads(tmp_path / name) as r:
            array[:] = 1
        assert r.writes == 2, name
        with reads(tmp_path / name) as r:  # a folder that has just been made may be read before it is watched
            array[0]
        assert r.reads == 1, name


def test_a_scalar_array_and_a_shard_have_a_chunk_too(tmp_path):
    scalar = zarr.create_array(tmp_path / "s", shape=(), dtype="float64")
    sharded = zarr.create_array(tmp_path / "m", shape=(8, 8), chunks=(2, 2), shards=(4, 4), dtype="uint8")
    with reads(tmp_path) as r:
        scalar[...] = 3
        sharded[:] = 1
    assert dict(r.chunks_written) == {"s/c": 1, **{f"m/c/{y}/{x}": 1 for y in range(2) for x in range(2)}}


def test_a_child_process_is_seen(movie):
    code = f"import zarr; zarr.open_array({str(folder(movie))!r}, mode='r')[5]"
    with reads(folder(movie)) as r:
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
    assert r.reads == 10


def test_asking_inside_the_block_is_an_error_that_says_so(movie):
    with reads(folder(movie)) as r, pytest.raises(ReadsNotObserved, match="after the end of the `with` block"):
        r.reads  # noqa: B018 - a property


def test_a_log_that_ran_over_is_never_a_number(movie):
    watch = _Inotify(folder(movie))
    watch._heed(-1, 0x4000, "")
    assert watch.end() is None


def test_thousands_of_reads_do_not_run_over(movie):
    with reads(folder(movie)) as r:
        threads = [
            threading.Thread(target=lambda: [(folder(movie) / "c/0/0/0").read_bytes() for _ in range(5000)])
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 5000 < r.reads <= 10_000  # two threads at the same moment may be one event


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CourseError, match=r"there is none at .*nowhere: make the array or its folder first"):
        reads(tmp_path / "nowhere")


NEW = {"shape": (8,), "chunks": (2,), "dtype": "uint8"}


def made_anew_by_create_array(path):
    return zarr.create_array(path, overwrite=True, **NEW)


def made_anew_by_open(path):
    return zarr.open(path, mode="w", **NEW)


def removed_and_made(path):
    shutil.rmtree(path)
    return zarr.create_array(path, **NEW)


def made_anew_with_the_folder_above(path):
    shutil.rmtree(path.parent)
    return zarr.create_array(path, **NEW)


def moved_away_and_made(path):
    old = path.rename(path.with_name("old.zarr"))
    array = zarr.create_array(path, **NEW)
    (old / "c/0").read_bytes()  # of another array now
    return array


ANEW = [
    made_anew_by_create_array,
    made_anew_by_open,
    removed_and_made,
    made_anew_with_the_folder_above,
    moved_away_and_made,
]


@pytest.mark.parametrize("make", ANEW)
@pytest.mark.parametrize("is_drained", [True, False], ids=["log read at once", "log read at the end"])
def test_a_folder_that_is_made_anew_inside_the_block_is_counted_on(make, is_drained, tmp_path, monkeypatch):
    """Found by an audit: the watch died with the folder, and nothing read or written was told as a fact."""
    if not is_drained:
        monkeypatch.setattr(_Inotify, "_drain_until_end", lambda self: None)
    path = tmp_path / "group" / "movie.zarr"
    zarr.create_array(path, **NEW)[:] = 1
    with reads(path) as r:
        array = make(path)
        array[:] = 1
        array[:3] = 2
        zarr.open_array(path)[4:]
    assert dict(r.chunks_written) == {"c/0": 2, "c/1": 2, "c/2": 1, "c/3": 1}
    assert dict(r.chunks_read) == {"c/1": 1, "c/2": 1, "c/3": 1}


def test_what_dask_writes_over_an_array_is_counted(tmp_path):
    path = tmp_path / "movie.zarr"
    zarr.create_array(path, **NEW)[:] = 1
    for _ in range(5):
        with reads(path) as r:
            da.ones((8,), chunks=2, dtype="uint8").to_zarr(path, overwrite=True)
        assert dict(r.chunks_written) == {f"c/{x}": 1 for x in range(4)}


def test_what_another_process_writes_over_an_array_is_counted(tmp_path):
    path = tmp_path / "movie.zarr"
    zarr.create_array(path, **NEW)[:] = 1
    code = f"import zarr; zarr.create_array({str(path)!r}, overwrite=True, **{NEW})[:] = 2"
    with reads(path) as r:
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
    assert dict(r.chunks_written) == {f"c/{x}": 1 for x in range(4)}


def test_a_folder_that_is_made_anew_again_and_again_is_counted_each_time(tmp_path):
    path = tmp_path / "movie.zarr"
    zarr.create_array(path, **NEW)
    with reads(path) as r:
        for _ in range(10):
            removed_and_made(path)[:] = 1
    assert dict(r.chunks_written) == {f"c/{x}": 10 for x in range(4)}


def test_what_was_read_before_the_folder_was_removed_stays_known(tmp_path):
    path = tmp_path / "movie.zarr"
    array = zarr.create_array(path, **NEW)
    array[:] = 1
    with reads(path) as r:
        array[:]
        shutil.rmtree(path)
    assert r.reads == 4


def test_a_folder_that_was_replaced_where_nobody_may_look_is_never_a_number(movie, monkeypatch):
    monkeypatch.setattr(_Inotify, "_watch_way", lambda self: None)  # as where the folder above may not be read
    with reads(folder(movie)) as r:
        removed_and_made(folder(movie))[:] = 1
    with pytest.raises(ReadsNotObserved, match="was replaced where we cannot look: keep the folder"):
        r.writes  # noqa: B018 - a property


def test_an_array_a_group_and_a_store_on_disk_stand_for_their_folder(tmp_path):
    group = zarr.create_group(tmp_path / "brain.zarr")
    array = group.create_array("0", **NEW)
    array[:] = 1
    for given, names in (
        (array, {"c/0"}),
        (group, {"0/c/0"}),
        (group.store, {"0/c/0"}),
        (tmp_path, {"brain.zarr/0/c/0"}),
    ):
        with reads(given) as r:
            array[0]
        assert set(r.chunks_read) == names


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("s3://bucket/movie.zarr", "'s3://bucket/movie.zarr'"),
        (b"movie.zarr", "a value of type bytes"),
        (zarr.create_array(zarr.storage.MemoryStore(), **NEW), "a value of type MemoryStore"),
        (zarr.storage.MemoryStore(), "a value of type MemoryStore"),
        (np.ones(3), "a value of type ndarray"),
        (da.ones(3), "a value of type Array"),
        (None, "a value of type NoneType"),
    ],
)
def test_what_lies_in_no_folder_is_refused_with_what_to_pass(given, named):
    words = f"cannot watch {named}: pass the path of a folder, or a zarr array or group that lies in one"
    with pytest.raises(CourseError, match=re.escape(words)):
        reads(given)


def test_where_there_is_no_log_zarr_itself_is_counted(movie, tmp_path):
    read, written = Counter(), Counter()
    with zarr_calls(folder(movie).resolve(), read, written):
        movie[5]
        movie[4:8, 0:8, 0:8] = np.ones((4, 8, 8), "uint16")
        zarr.create_array(tmp_path / "other.zarr", shape=(3,), dtype="uint8")[:] = 1
    assert read.total() == 10
    assert written == {"c/1/0/0": 1}


def test_the_student_process_is_counted_from_the_judge(tmp_path):
    course = toys.write_course(
        tmp_path / "course",
        {
            "exercise": toys.book(
                toys.setup(
                    "import tempfile\nimport zarr\nfrom autograde import reads\npath = tempfile.mkdtemp() + '/a.zarr'\n"
                    "a = zarr.create_array(path, shape=(64,), chunks=(4,), dtype='uint8')\na[:] = 1"
                ),
                toys.solution("total", "def total(path):\n    return int(zarr.open_array(path)[:].sum())"),
                toys.test(
                    "test_total",
                    "with reads(path) as r:\n    got = total(path)\nassert got == 64\n"
                    "assert r.reads == 16, f'expected 16 reads, got {r.reads}'",
                ),
            )
        },
    )
    twice = "def total(path):\n    a = zarr.open_array(path)\n    return int(a[:].sum() + a[:].sum()) // 2"
    for text, passed in ((None, True), (twice, False)):
        source = course.root / "source" / "toy" / "exercise.ipynb"
        made = toys.answered(toys.nbformat.read(source, 4), {} if text is None else {"total": text})
        handed = toys.hand_in(course, f"student{passed}", made)
        (outcome,) = run_job(
            Job(name="exercise", source=str(source), submission=str(handed), folder=str(source.parent)),
            tmp_path / f"{passed}.jsonl",
        )
        assert (outcome.exit is Exit.PASSED) is passed, outcome
    assert "expected 16 reads, got 32" in outcome.problem.message
    chunks = {str(place): 2 for place in range(16)}
    words = "a.zarr: 32 chunks read (16 different ones), 0 chunks written"
    assert outcome.touched == (Touched(words, (ChunkGrid("a.zarr", (16,), chunks, {}),)),)


def test_the_grid_knows_which_chunk_was_read_how_often(movie):
    with reads(folder(movie)) as r:
        movie[0, 0, 0]
        movie[:8, 0, 0]
    (grid,) = grids_of(folder(movie), r.chunks_read, r.chunks_written)
    assert grid == ChunkGrid("movie.zarr", (3, 2, 5), {"0.0.0": 2, "1.0.0": 1}, {})
    svg = chunk_chart(Touched("3 chunks", (grid,)))
    ET.fromstring(svg)
    assert "movie.zarr, 3×2×5 chunks, read" in svg


def test_places_that_are_no_chunk_of_the_array_are_not_drawn(movie):
    read = {"c/0/0/0": 1, "c/3/0/0": 1, "c/0/0": 1, f"c/0/0/{'9' * 5000}": 1}
    (grid,) = grids_of(folder(movie), read, {})
    assert grid.read == {"0.0.0": 1}


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        b"[" * 100_000,
        b'{"shape": [1e400], "chunks": [1]}',
        b'{"shape": [4], "chunks": [0]}',
        b'{"shape": ["4"], "chunks": [1]}',
        b'{"shape": [100000], "chunks": [1]}',
        os.mkfifo,
        os.mkdir,
        lambda path: path.symlink_to("/proc/self/mem"),
    ],
)
@pytest.mark.parametrize("name", [".zarray", "zarr.json"])
def test_whatever_lies_where_metadata_should_there_is_only_no_picture(tmp_path, metadata, name):
    """The folder may be a student's, and whoever draws the judge."""
    if isinstance(metadata, bytes):
        (tmp_path / name).write_bytes(metadata)
    else:
        metadata(tmp_path / name)
    assert grids_of(tmp_path, {"0": 1}, {}) == []
    assert touched_by(tmp_path, Counter({"0": 1}), Counter()) == Touched(
        f"{tmp_path.name}: 1 chunk read, 0 chunks written"
    )


def test_a_path_that_is_too_long_to_be_looked_at_belongs_to_the_root(tmp_path):
    assert touched_by(tmp_path, Counter({f"{'a/' * 2040}0": 1}), Counter()).grids == ()


def test_words_for_counts():
    assert _times(Counter({"c/0": 1}), "written") == "1 chunk written"
    assert _times(Counter({"c/0": 2, "c/1": 1}), "read") == "3 chunks read (2 different ones)"


def test_nested_folders_that_appear_while_chunks_are_written_count_each_write_once(tmp_path):
    """Found by three authors at once: folders were scanned twice, or files counted by the scan and by their event."""
    code = (
        "import sys, numpy as np, zarr\n"
        "a = zarr.create_array(sys.argv[1] + '/x.zarr', shape=(0, 8, 8), chunks=(4, 8, 8), dtype='uint8')\n"
        "for i in range(60): a.append(np.full((4, 8, 8), i + 1, 'uint8'))"
    )
    for number in range(5):
        folder = tmp_path / str(number)
        folder.mkdir()
        with reads(folder) as r:
            subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(folder)], check=True)
        assert len(r.chunks_written) == 60
        assert set(r.chunks_written.values()) == {1}


def test_threads_that_write_into_new_folders_count_each_write_once(tmp_path):
    for number in range(10):
        folder = tmp_path / str(number)
        folder.mkdir()
        with reads(folder) as r:
            out = zarr.create_array(folder / "x.zarr", shape=(16, 8, 8), chunks=(2, 2, 2), dtype="uint8")
            da.store(da.ones(out.shape, chunks=out.chunks, dtype="uint8"), out, lock=False)
        assert r.writes == 128
        assert set(r.chunks_written.values()) == {1}


def test_what_the_log_missed_in_a_new_folder_is_told_by_zarrs_own_calls(tmp_path, monkeypatch):
    monkeypatch.setattr(_Inotify, "_drain_until_end", lambda self: None)  # as if it never got to run in time
    with reads(tmp_path) as r:
        array = zarr.create_array(tmp_path / "a.zarr", shape=(8,), chunks=(4,), dtype="uint8")
        array[:6] = 1
        array[6:] = 1
    assert dict(r.chunks_written) == {"a.zarr/c/0": 1, "a.zarr/c/1": 2}
    assert dict(r.chunks_read) == {"a.zarr/c/1": 1}


def test_the_judge_hears_of_writes_that_its_log_missed_and_believes_no_more_than_that(tmp_path, monkeypatch):
    monkeypatch.setattr(_Inotify, "_drain_until_end", lambda self: None)
    made = "    a = zarr.create_array(path + '/a.zarr', shape=8, chunks=4, dtype='uint8')\n    a[:6] = 1\n    a[6:] = 1"
    source = toys.book(
        toys.setup("import tempfile\nimport zarr\nfrom autograde import reads\npath = tempfile.mkdtemp()"),
        toys.solution("save", f"def save(path):\n{made}"),
        toys.test(
            "test_save", "with reads(path) as r:\n    save(path)\nassert False, sorted(r.chunks_written.items())"
        ),
    )
    invents = (
        "import gc\n"
        "answer = {'read': {'x/c/0': 9}, 'written': {'../c/9': 7, 'a.zarr/c/1': 'many'}}\n"
        "gc.unfreeze()\n"
        "(serving,) = [one for one in gc.get_objects() if type(one).__name__ == 'Student']\n"
        "type(serving).do_counted = lambda *_: answer\n"
    )
    for text, told in (
        (made, "[('a.zarr/c/0', 1), ('a.zarr/c/1', 2)]"),
        (None, "[('a.zarr/c/0', 1), ('a.zarr/c/1', 1)]"),
    ):
        answer = f"{invents if text is None else ''}def save(path):\n{made}"
        handed = toys.answered(source, {"save": answer})
        folder = tmp_path / ("honest" if text else "invents")
        folder.mkdir()
        for name, book in (("source", source), ("handed", handed)):
            toys.nbformat.write(book, folder / f"{name}.ipynb")
        job = Job(
            name="exercise",
            source=str(folder / "source.ipynb"),
            submission=str(folder / "handed.ipynb"),
            folder=str(folder),
        )
        (outcome,) = judge_notebook(job)
        assert outcome.problem.message == told, outcome
