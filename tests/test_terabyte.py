"""A terabyte that is none, the pass over it, and the command that watches: on movies of a few hundred frames."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from click.testing import CliRunner

from autograde.cli import main as autograde
from autograde.errors import CourseError
from autograde.terabyte import load_function, problems, run
from data_scripts import store, terabyte
from data_scripts.process import Plan, Regions, process, slabs
from data_scripts.terabyte import SHAPES, PlaceRefused, Recording, beginning, shape_of

MIB = 2**20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A made data set of tiny scale, its own folder."""
    path = tmp_path_factory.mktemp("data") / "tiny"
    done = CliRunner().invoke(terabyte.main, ["--scale", "tiny", "--out", str(path)])
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture(scope="module")
def movie(folder):
    return zarr.open_array(folder / "recording.zarr" / "movie", mode="r")


@pytest.fixture(scope="module")
def rois(folder):
    return zarr.open_array(folder / "recording.zarr" / "rois", mode="r")[:]


# --- the movie --------------------------------------------------------------------------------------------------------


def test_any_reader_of_zarr_sees_the_frames_that_the_truth_tells(movie):
    truth = Recording(SHAPES["tiny"])
    np.testing.assert_array_equal(movie[:], truth.frames(0, 999))
    assert (movie.dtype, movie.metadata.zarr_format, movie.chunks) == (np.dtype("uint16"), 3, (16, 64, 64))


def test_the_full_recording_is_a_terabyte_of_few_chunks_and_no_file_has_more_links_than_ntfs_allows():
    truth = Recording(SHAPES["full"])
    assert 10**12 <= truth.nbytes < 10**12 + 2**20
    _, counts = np.unique(truth.pool_index, return_counts=True)
    assert (len(counts), counts.sum()) == (128, 119_210)
    assert counts.max() + 1 < terabyte.MOST_LINKS  # and one in the pool
    assert terabyte._recipe("full", 0).most_bytes < 2**30


def test_chunks_are_links_to_a_pool(folder, movie):
    twin = terabyte.Recording((5 * 128, 64, 64))
    assert len(np.unique(twin.pool_index)) == 32 < len(twin.pool_index)
    first = (folder / "recording.zarr" / "movie" / "c.0.0.0").stat()
    number = Recording(SHAPES["tiny"]).pool_index[0]
    assert first.st_ino == (folder / "pool" / f"{number}").stat().st_ino


def test_a_shorter_recording_is_the_beginning_of_a_longer_one(movie, folder, tmp_path):
    np.testing.assert_array_equal(Recording(shape_of(0.5)).pool_index, Recording(SHAPES["full"]).pool_index[:64])
    part = zarr.open_array(beginning(folder / "recording.zarr", tmp_path / "part", 77), mode="r")
    np.testing.assert_array_equal(part[:], movie[:77])


@pytest.mark.parametrize("impossible", [("link",), ("link", "symlink")])
def test_a_beginning_on_another_disk_is_there_too(impossible, movie, folder, tmp_path, monkeypatch):
    def refuse(*_names):
        raise OSError(18, "Invalid cross-device link")

    for name in impossible:
        monkeypatch.setattr(os, name, refuse)
    part = zarr.open_array(beginning(folder / "recording.zarr", tmp_path / "part", 40), mode="r")
    np.testing.assert_array_equal(part[:], movie[:40])


def test_the_dye_bleaches_and_neurons_prefer_a_direction():
    truth = Recording((32 * 128, 64, 64), trials_per_level=8)
    levels = truth.pool_index[:: terabyte.CHUNKS_PER_TRIAL] // (terabyte.DIRECTIONS * terabyte.CHUNKS_PER_TRIAL)
    assert sorted(set(levels.tolist())) == [0, 1, 2, 3]
    per_level = terabyte.DIRECTIONS * terabyte.CHUNKS_PER_TRIAL
    bright = [truth.pool_chunk(level * per_level).mean() for level in range(4)]
    assert bright == sorted(bright, reverse=True)
    regions = Regions.of(truth.rois)
    answers = np.array([regions.means(truth.pool_chunk(8 * d + 2)).mean(axis=0) for d in range(terabyte.DIRECTIONS)])
    np.testing.assert_array_equal(np.argmax(answers, axis=0), truth.preferred)


def test_an_interrupted_maker_goes_on_and_a_second_call_finds_it_ready(tmp_path, monkeypatch):
    target = tmp_path / "made"
    recipe = terabyte._recipe("tiny", 0)
    made = []

    def draw(self, number, really=Recording.pool_chunk):
        made.append(number)
        if len(made) == 6:
            raise KeyboardInterrupt
        return really(self, number)

    monkeypatch.setattr(Recording, "pool_chunk", draw)
    with pytest.raises(KeyboardInterrupt):
        store.make(recipe, folder=target)
    assert not target.exists()
    kept = {path.name for path in (tmp_path / "made.unfinished" / "pool").glob("[0-9]*")}
    assert 0 < len(kept) < 13
    drawn_before = len(made)
    store.make(recipe, folder=target)
    assert len(made) - drawn_before == 13 - len(kept)
    assert store.verify(target) == ()
    assert terabyte.strays(target, Recording(SHAPES["tiny"])) == ()
    assert not (tmp_path / "made.unfinished").exists()
    store.make(recipe, folder=target)
    assert len(made) - drawn_before == 13 - len(kept)


def test_check_finds_damage_and_remove_takes_the_unfinished_too(tmp_path):
    target = tmp_path / "made"
    call = CliRunner().invoke
    assert call(terabyte.main, ["--scale", "tiny", "--out", str(target)]).exit_code == 0
    assert call(terabyte.main, ["--scale", "tiny", "--out", str(target), "--check"]).exit_code == 0
    (target / "recording.zarr" / "movie" / "c.3.0.0").unlink()
    done = call(terabyte.main, ["--scale", "tiny", "--out", str(target), "--check"])
    assert (done.exit_code, "c.3.0.0" in done.output) == (1, True)
    (tmp_path / "made.unfinished").mkdir()
    assert call(terabyte.main, ["--scale", "tiny", "--out", str(target), "--remove"]).exit_code == 0
    assert not any(tmp_path.iterdir())


def test_folders_that_go_to_a_cloud_and_disks_without_links_are_refused_for_what_is_large(tmp_path, monkeypatch):
    cloud = tmp_path / "OneDrive - University" / "course"
    cloud.mkdir(parents=True)
    with pytest.raises(PlaceRefused, match=r"copied to a cloud \(OneDrive - University\).*--out.*--gib 2"):
        terabyte._check_place(cloud, encoded_bytes=6e11)
    (tmp_path / ".dropbox").touch()
    assert terabyte._cloud_of(tmp_path / "any") == ".dropbox"
    (tmp_path / ".dropbox").unlink()
    assert terabyte._check_place(tmp_path, encoded_bytes=6e11)

    def refuse(*_names):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(PlaceRefused, match=r"no hard links.*exFAT.*--out"):
        terabyte._check_place(tmp_path, encoded_bytes=6e11)
    assert not terabyte._check_place(tmp_path, encoded_bytes=1e8)
    path = store.make(terabyte._recipe("tiny", 0), folder=tmp_path / "copied")
    assert (path / "movie" / "c.0.0.0").stat().st_nlink == 1
    assert terabyte.strays(tmp_path / "copied", Recording(SHAPES["tiny"])) == ()


def test_sizes_in_gib_are_whole_frames():
    assert (shape_of(0.5), shape_of(32)) == ((1024, 512, 512), (65_536, 512, 512))


# --- one pass ---------------------------------------------------------------------------------------------------------


def check(out, values, rois, bin_frames):
    group = zarr.open_group(out, mode="r")
    exact = values.astype("float64")
    np.testing.assert_allclose(group["mean"][:], exact.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(group["std"][:], exact.std(axis=0), rtol=1e-6, atol=1e-6)
    want = np.stack([exact[:, rois == k].mean(axis=1) for k in range(1, rois.max() + 1)], axis=1)
    np.testing.assert_array_equal(group["traces"][:], want.astype("float32"))
    for b in range(group["preview/0"].shape[0]):
        piece = exact[b * bin_frames : (b + 1) * bin_frames].mean(axis=0)
        np.testing.assert_array_equal(group["preview/0"][b], np.rint(piece))
        quarter = [
            [piece[y : y + 4, x : x + 4].mean() for x in range(0, piece.shape[1], 4)]
            for y in range(0, piece.shape[0], 4)
        ]
        np.testing.assert_allclose(group["preview/2"][b], quarter, atol=0.5 + 1e-9)


def test_one_pass_gives_mean_deviation_traces_and_a_preview_that_readers_open(movie, rois, tmp_path):
    process(movie, rois, tmp_path / "out", 64 * MIB, bin_frames=48)
    check(tmp_path / "out", movie[:], rois, 48)
    from ome_zarr_models.v05 import Image

    Image.from_zarr(zarr.open_group(tmp_path / "out" / "preview", mode="r"))


@pytest.mark.parametrize(
    ("shape", "chunks", "options", "values"),
    [
        ((50, 13, 11), (7, 13, 11), {}, (0, 65_536)),  # zstd, read by zarr; squares fill 32 bits
        ((50, 13, 11), (7, 5, 4), {}, (100, 900)),  # frames cut into chunks
        ((50, 13, 11), (7, 13, 11), {"compressors": [zarr.codecs.BloscCodec()]}, (0, 65_536)),
        ((30, 6, 5), (7, 6, 5), {"compressors": [zarr.codecs.BloscCodec()]}, (0, 1)),  # nothing but zeros: no file
    ],
)  # fmt: skip
def test_other_movies_come_out_right_too(shape, chunks, options, values, tmp_path):
    array = zarr.create_array(tmp_path / "movie", shape=shape, chunks=chunks, dtype="uint16", **options)
    array[:] = np.random.default_rng(1).integers(*values, shape, dtype="uint16")
    labels = np.zeros(shape[1:], "uint16")
    labels[1, 1:4], labels[3, 2:5] = 1, 2
    process(zarr.open_array(tmp_path / "movie", mode="r"), labels, tmp_path / "out", 64 * MIB, bin_frames=14)
    check(tmp_path / "out", array[:], labels, 14)


def test_slabs_of_packed_frames_share_one_piece_of_memory(movie):
    first, second = slabs(movie, 0, 32)
    assert np.shares_memory(first[1], second[1])
    assert [len(slab) for _, slab in slabs(movie, 192, 203)] == [11]


def test_a_half_written_chunk_is_an_error_not_an_answer(tmp_path):
    array = zarr.create_array(
        tmp_path / "movie", shape=(32, 8, 8), chunks=(16, 8, 8), dtype="uint16", compressors=zarr.codecs.BloscCodec()
    )
    array[:] = np.random.default_rng(2).integers(0, 4000, array.shape, dtype="uint16")
    file = tmp_path / "movie" / "c" / "1" / "0" / "0"
    for damaged in (file.read_bytes()[:-200], b"short", b""):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"chunk .*1.0.0 is damaged"):
            list(slabs(array, 0, 32))


def test_numbers_of_another_byte_order_are_read_by_zarr(tmp_path):
    array = zarr.create_array(
        tmp_path / "movie", shape=(20, 4, 4), chunks=(16, 4, 4), dtype="uint16",
        serializer=zarr.codecs.BytesCodec(endian="big"), compressors=zarr.codecs.BloscCodec(),
    )  # fmt: skip
    values = np.random.default_rng(3).integers(0, 4000, array.shape, dtype="uint16")
    array[:] = values
    np.testing.assert_array_equal(np.concatenate([slab for _, slab in slabs(array, 0, 20)]), values)


def test_a_kill_costs_the_stretches_at_work_and_the_answer_stays_the_same(folder, movie, rois, tmp_path):
    """A real kill, in the middle: it is not asked."""
    program = (
        "import sys, time, zarr\n"
        "from data_scripts import process as p\n"
        "really = p.slabs\n"
        "def slow(*arguments):\n"
        "    for slab in really(*arguments):\n"
        "        time.sleep(0.02)\n"
        "        yield slab\n"
        "p.slabs = slow\n"
        "g = zarr.open_group(sys.argv[1], mode='r')\n"
        "p.process(g['movie'], g['rois'][:], sys.argv[2], 2**26, bin_frames=16)\n"
    )
    out = tmp_path / "killed"
    child = subprocess.Popen([sys.executable, "-c", program, str(folder / "recording.zarr"), str(out)])
    while child.poll() is None and sum(path.name.isdigit() for path in out.glob("done/c/*")) < 4:
        pass
    child.kill()
    child.wait()
    done = zarr.open_array(out / "done", mode="r")[:]
    assert 3 < done.sum() < 13
    times = {path: path.stat().st_mtime_ns for path in out.glob("sums/c/*/*/*/*")}
    process(movie, rois, out, 64 * MIB, bin_frames=16)
    process(movie, rois, tmp_path / "whole", 64 * MIB, bin_frames=16)
    for name in ("mean", "std", "traces", "preview/0"):
        ours, other = (zarr.open_array(path / name, mode="r")[:] for path in (out, tmp_path / "whole"))
        np.testing.assert_array_equal(ours, other)
    kept = [path for path in times if path.stat().st_mtime_ns == times[path]]
    assert len(kept) >= done.sum(), "what was done was done again"


def test_the_same_line_runs_on_a_cluster_of_two_workers(movie, rois, tmp_path):
    from distributed import Client, LocalCluster, get_task_stream

    process(movie, rois, tmp_path / "threads", 64 * MIB, bin_frames=16)
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", memory_limit="1GiB"
        ) as cluster,
        Client(cluster) as client,
    ):
        with get_task_stream(client) as stream:
            process(movie, rois, tmp_path / "cluster", 64 * MIB, bin_frames=16)
        worked = {task["worker"] for task in stream.data if "stretch" in str(task["key"])}
    assert len(worked) == 2
    for name in ("mean", "std", "traces", "preview/1"):
        ours, other = (zarr.open_array(tmp_path / way / name, mode="r")[:] for way in ("threads", "cluster"))
        np.testing.assert_array_equal(ours, other)


def test_a_plan_says_no_to_what_does_not_fit():
    plan = Plan(frames=5000, frame_shape=(512, 512), itemsize=2, depth=16, neurons=64, bin_frames=1024)
    assert plan.workers(2**30, cores=64) < 64
    with pytest.raises(ValueError, match="expected max_bytes of at least"):
        plan.workers(2**20)
    covered = [frames for stretch in range(plan.stretches) for frames in plan.bins(stretch)]
    assert covered[0][0] == 0
    assert covered[-1][1] == 5000
    assert all(before[1] == after[0] for before, after in itertools.pairwise(covered))


def test_arguments_that_do_not_fit_are_named(movie, rois, tmp_path):
    with pytest.raises(ValueError, match="rois of the shape of a frame"):
        process(movie, rois[:5], tmp_path / "a", 2**30)
    with pytest.raises(ValueError, match="a multiple of 16"):
        process(movie, rois, tmp_path / "a", 2**30, bin_frames=20)
    with pytest.raises(ValueError, match="neuron 2 has none"):
        Regions.of(np.array([[0, 1, 3]]))
    process(movie, rois, tmp_path / "a", 2**30, bin_frames=16)
    with pytest.raises(ValueError, match="found other work"):
        process(movie, rois, tmp_path / "a", 2**30, bin_frames=32)


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_runs_checks_and_leaves_a_page(folder, tmp_path):
    out = tmp_path / "run"
    call = ["terabyte", "--movie", str(folder / "recording.zarr"), "--out", str(out), "--format", "json"]
    done = CliRunner().invoke(autograde, call)
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)
    assert (row["good"], row["checked"], row["problems"], row["attempts"]) == (True, True, [], 1)
    assert 0 < row["peak_bytes"] < row["max_bytes"] == 2**30
    page = (out / "summary.html").read_text()
    assert "every number right" in page
    assert "data:image/png;base64," in page
    assert (out / "summary.png").read_bytes().startswith(b"\x89PNG")


def test_a_wrong_answer_and_too_much_memory_are_said(folder, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "import numpy as np, zarr\n"
        "def process(movie, rois, out, max_bytes):\n"
        "    group = zarr.create_group(out)\n"
        "    group['mean'] = movie[:].mean(axis=0) + 1\n"
        "    hungry = np.ones(2**25)\n"
    )
    call = [
        "terabyte",
        "--movie",
        str(folder / "recording.zarr"),
        "--out",
        str(tmp_path / "run"),
        "--max-memory",
        "8 MiB",
    ]
    done = CliRunner().invoke(autograde, [*call, "--process", f"{mine}:process"])
    assert done.exit_code == 1, done.output
    found = problems(folder / "recording.zarr", tmp_path / "run" / "result.zarr")
    assert len(found[1]) == 3
    assert "there is no array 'std' in the result" in found[1]
    assert "wrong: mean: at (0, 0) expected" in done.output
    assert "too much memory" in done.output


def test_a_run_that_was_stopped_goes_on(folder, tmp_path):
    """Stopped as by Ctrl-C, while the function works; what it held before stays in the chart."""
    mine = tmp_path / "slow.py"
    mine.write_text(
        "import time\n"
        "from data_scripts import process as p\n"
        "def process(movie, rois, out, max_bytes):\n"
        "    time.sleep(1.5)\n"
        "    p.process(movie, rois, out, max_bytes, bin_frames=16)\n"
    )

    def stop(_glance):
        raise KeyboardInterrupt

    source = folder / "recording.zarr"
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "run", process=f"{mine}:process", max_bytes=2**30, told=stop)
    done = run(source, tmp_path / "run", process=f"{mine}:process", max_bytes=2**30, told=lambda glance: None)
    assert (done.attempts, len(done.breaks), done.good) == (2, 1, True)
    assert done.samples[0][0] <= done.breaks[0] < done.samples[-1][0]
    with pytest.raises(CourseError, match="holds another run"):
        run(source, tmp_path / "run", process=f"{mine}:process", max_bytes=2**29, told=lambda glance: None)


def test_functions_come_from_files_modules_and_notebooks(tmp_path):
    from nbformat import v4, write

    notebook = v4.new_notebook(
        cells=[
            v4.new_code_cell("import math\nN = 2\nprint('not run')\ndata = open('/no/such/file')"),
            v4.new_code_cell("def process(a):\n    return math.sqrt(a) * N"),
            v4.new_code_cell("%magic"),
        ]
    )
    write(notebook, tmp_path / "mine.ipynb")
    assert load_function(str(tmp_path / "mine.ipynb"))(9) == 6
    assert load_function("data_scripts.process:process") is process
    with pytest.raises(CourseError, match="no function 'other'"):
        load_function(f"{tmp_path / 'mine.ipynb'}:other")
    with pytest.raises(CourseError, match="there is no file"):
        load_function(str(Path("no") / "such.py"))


def test_a_function_that_raises_is_named(folder, tmp_path):
    mine = tmp_path / "broken.py"
    mine.write_text("def process(movie, rois, out, max_bytes):\n    raise RuntimeError('out of luck')\n")
    with pytest.raises(CourseError, match="out of luck"):
        run(folder / "recording.zarr", tmp_path / "run", process=f"{mine}:process", max_bytes=2**30, told=print)
