"""`projected` adds up three terms without running the graph: nothing written, one block of a kind read."""

from __future__ import annotations

import warnings

import dask
import dask.array as da
import numpy as np
import pytest
import zarr

from autograde import projected, reads
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
