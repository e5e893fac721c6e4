"""`projected` adds up three terms without running the graph: nothing written, one block of a kind read."""

from __future__ import annotations

import warnings

import dask
import dask.array as da
import numpy as np
import pytest
import zarr

from autograde import measure, projected, reads
from autograde.errors import CourseError
from autograde.projected import WORKING, Projection

KIB, MIB = 2**10, 2**20


@pytest.fixture
def movie(tmp_path):
    """13 blocks of 4 KiB (32 x 8 x 8 uint16)."""
    array = zarr.create_array(tmp_path / "movie.zarr", shape=(416, 8, 8), chunks=(32, 8, 8), dtype="uint16")
    array[:] = 7
    return array


def test_a_mean_holds_blocks_only_while_it_works(movie):
    guess = projected(da.from_zarr(movie).mean(), workers=3)
    assert guess.working_bytes == WORKING * 3 * 4 * KIB
    assert guess.live_bytes < 13 * 64
    assert guess.result_bytes == 0


def test_a_result_of_many_blocks_is_alive_and_copied(movie):
    guess = projected(da.from_zarr(movie))
    assert guess.live_bytes == 13 * 4 * KIB
    assert guess.result_bytes == 13 * 4 * KIB
    assert guess.total_bytes == 2 * 13 * 4 * KIB + WORKING * 2 * 4 * KIB


def test_subtracting_the_mean_in_one_graph_keeps_every_block(movie):
    lazy = da.from_zarr(movie)
    guess = projected(abs(lazy - lazy.mean(axis=0)).mean())
    assert guess.live_bytes >= 13 * 4 * KIB


def test_rechunking_to_traces_keeps_every_block(movie):
    guess = projected(da.from_zarr(movie).rechunk((-1, 8, 4)))
    assert guess.live_bytes >= 13 * 4 * KIB


def test_storing_block_by_block_holds_little_and_is_not_tried_out(movie, tmp_path):
    out = zarr.create_array(tmp_path / "out.zarr", shape=movie.shape, chunks=movie.chunks, dtype="uint16")
    with reads(tmp_path / "out.zarr") as r:
        guess = projected(da.store(da.from_zarr(movie) + 1, out, compute=False))
    assert r.writes == 0
    assert guess.live_bytes < 4 * KIB
    assert guess.result_bytes == 0


def test_one_block_of_each_kind_is_read_and_no_more(movie, tmp_path):
    with reads(tmp_path / "movie.zarr") as r:
        projected((da.from_zarr(movie) * 3).sum())
    assert 0 < r.reads <= 4  # of 13


def test_files_of_one_kind_are_tried_once_however_many_there_are(tmp_path):
    """Found by an audit: each had a name of its own, and 40 files were read twice and held."""
    files = [
        zarr.create_array(tmp_path / f"{i}", shape=(1024 + i, 1024), chunks=(1024, 1024), dtype="uint8")
        for i in range(9)
    ]
    for file in files:
        file[:] = 1
    with reads(tmp_path) as r, measure() as block:
        guess = projected(da.stack([da.from_zarr(file)[:1024] + 1 for file in files]).mean())
    assert r.reads == 1
    assert block.peak_bytes < 5 * MIB
    assert guess.working_bytes == WORKING * 2 * MIB


def test_a_delayed_function_is_called_once_however_often_it_is_in_the_graph():
    calls = []

    def load(number):
        calls.append(number)
        return np.ones((256, 512))

    files = [da.from_delayed(dask.delayed(load)(i), (256, 512), float) for i in range(40)]
    with measure() as block:
        guess = projected(da.stack(files))
    assert len(calls) == 1
    assert block.peak_bytes < 10 * MIB
    assert guess.live_bytes == guess.result_bytes == 40 * MIB


def test_a_file_of_another_size_or_dtype_is_another_kind(tmp_path):
    small = zarr.create_array(tmp_path / "small", shape=(64, 64), chunks=(64, 64), dtype="uint8")
    large = zarr.create_array(tmp_path / "large", shape=(64, 64), chunks=(64, 64), dtype="float64")
    assert projected(da.from_zarr(small), da.from_zarr(large)).live_bytes == 4 * KIB + 32 * KIB


def test_blocks_that_are_not_needed_are_not_read(tmp_path):
    array = zarr.create_array(tmp_path / "a", shape=(40, 64), chunks=(32, 64), dtype="uint8")
    array[:] = 1
    with reads(tmp_path) as r:
        assert projected(da.from_zarr(array)[35]).working_bytes == WORKING * (8 * 64 + 64)
    assert dict(r.chunks_read) == {"a/c/1/0": 1}


def test_means_over_different_axes_are_two_kinds(movie):
    lazy = da.from_zarr(movie)
    assert projected(lazy.mean(axis=(1, 2)), lazy.mean(axis=0)).result_bytes == 8 * (416 + 64)


@pytest.mark.parametrize("mebibytes", [33, 64])
def test_a_large_block_is_not_read_and_a_mean_of_it_is_small_all_the_same(mebibytes, tmp_path):
    array = zarr.create_array(tmp_path / "a", shape=(3 * mebibytes, MIB), chunks=(mebibytes, MIB), dtype="uint8")
    with reads(tmp_path) as r, measure() as block:
        guess = projected(da.from_zarr(array).mean(axis=1))
        stored = projected(da.from_zarr(array) + 1)
    assert r.reads == 0
    assert block.peak_bytes < 8 * MIB
    assert guess.working_bytes == WORKING * 2 * mebibytes * MIB
    assert guess.live_bytes < MIB
    assert stored.live_bytes == stored.result_bytes == 3 * mebibytes * MIB


def test_a_large_delayed_block_is_not_loaded_where_its_size_is_said():
    calls = []

    def load():
        calls.append(1)
        return np.ones((64, MIB), "uint8")

    whole = da.from_delayed(dask.delayed(load)(), (64, MIB), "uint8")
    assert projected(whole).live_bytes == 64 * MIB
    assert projected(whole.mean()).working_bytes < WORKING * 65 * MIB
    assert not calls


def test_cutting_a_large_array_takes_no_memory(tmp_path):
    array = zarr.create_array(tmp_path / "a", shape=(96, MIB), chunks=(2, MIB), dtype="uint8")
    guess = projected(da.median(da.from_zarr(array).rechunk((-1, MIB // 32)), axis=0))
    assert guess.live_bytes <= 2 * 96 * MIB + 9 * MIB  # the blocks, and what they are joined to
    assert guess.working_bytes < WORKING * 100 * MIB  # no part counts as the whole


@pytest.mark.parametrize("workers", [0, -1, 1.5, "2", None, True])
def test_workers_that_cannot_be_are_refused(workers, movie):
    with pytest.raises(
        CourseError, match=f"how many threads work at once, 1 or more, got workers={workers!r}: leave it out"
    ):
        projected(da.from_zarr(movie), workers=workers)


def test_a_variance_makes_float64_copies(movie):
    lazy = da.from_zarr(movie)
    assert projected(lazy.std()).working_bytes == 4 * projected(lazy.mean()).working_bytes


def test_delayed_values_are_understood():
    guess = projected(dask.delayed(np.ones)(1024))
    assert guess.live_bytes == 8 * KIB


def test_a_warning_says_what_to_try():
    guess = Projection(130 * MIB, 16 * MIB, 0, 2 * MIB, 100, 2, 64 * MIB)
    assert guess.fits is False
    assert "More than the 64 MiB allowed. Try: do it in two passes or in strips" in str(guess)
    assert "smaller blocks" in Projection(1, 99, 0, 2, 1, 2, 64).advice
    assert "da.store" in Projection(1, 9, 99, 2, 1, 2, 64).advice
    assert Projection(1, 9, 9, 2, 1, 2, 64).advice == ""
    assert Projection(1, 9, 9, 2, 1, 2).fits is None


def test_the_table_has_the_three_terms_and_their_sum():
    guess = Projection(2 * MIB, 3 * MIB, 5 * MIB, MIB, 7, 2)
    assert [size for _, size in guess.rows()] == [2 * MIB, 3 * MIB, 5 * MIB, 10 * MIB]
    assert "10 MiB  projected" in str(guess)
    assert "<td>10 MiB</td>" in guess._repr_html_()


@pytest.mark.parametrize("wrong", [(), (3,), (np.ones(3),)])
def test_what_is_not_lazy_is_refused(wrong):
    with pytest.raises(CourseError, match="dask arrays before they are computed"), warnings.catch_warnings():
        projected(*wrong)
