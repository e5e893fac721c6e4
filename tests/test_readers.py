"""Every kind of file opens lazily, gives the numbers that are in it, and stays under a ceiling larger files would break."""

from __future__ import annotations

import av
import dask.array as da
import h5py
import numpy as np
import pytest
import tifffile
import zarr

from data_scripts.readers import ReaderError, kind_of, open_lazy

MIB = 2**20
RNG = np.random.default_rng(5)
SMALL = RNG.integers(0, 4000, (23, 17, 19), dtype=np.uint16)


def tiff_folder(path, frames, compressed=True):
    path.mkdir()
    for number, frame in enumerate(frames, start=8):  # 8, 9, 10: text order would be wrong
        tifffile.imwrite(
            path / f"plane_{number}.tif", frame, compression="zlib" if compressed and number % 3 == 0 else None
        )
    (path / "notes.txt").write_text("not a plane")
    return path


def tiff_stack(path, frames):
    path = path.with_suffix(".tif")
    tifffile.imwrite(path, frames, photometric="minisblack")
    return path


def big_tiff(path, frames):
    path = path.with_suffix(".btf")
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        for frame in frames:
            writer.write(frame, compression="zlib", contiguous=False, photometric="minisblack")
    return path


def imagej(path, frames):
    path = path.with_suffix(".tiff")
    tifffile.imwrite(path, frames, imagej=True, byteorder=">")
    return path


def raw(path, frames):
    path = path.with_suffix(".bin")
    path.write_bytes(np.ascontiguousarray(frames).tobytes())
    return path


def hdf5(path, frames):
    path = path.with_suffix(".h5")
    with h5py.File(path, "w") as file:
        file["small"] = np.arange(4)
        file.create_dataset("raw/movie", data=frames, chunks=(5, *frames.shape[1:]), compression="gzip")
    return path


def nwb(path, frames):
    path = path.with_suffix(".nwb")
    with h5py.File(path, "w") as file:
        file.create_dataset("acquisition/ElectricalSeries/data", data=frames)
        file["units/spike_times"] = np.arange(9.0)
    return path


def zarr_of(version):
    def write(path, frames):
        array = zarr.create_array(path, shape=frames.shape, chunks=(4, 9, 8), dtype=frames.dtype, zarr_format=version)
        array[:] = frames
        return path

    write.__name__ = f"zarr_{version}"
    return write


def ome_zarr(path, frames):
    group = zarr.create_group(path)
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"datasets": [{"path": "full"}, {"path": "half"}]}]}
    for name, data in (("full", frames), ("half", frames[:, ::2, ::2])):
        group.create_array(name, data=data, chunks=(4, 9, 8))
    return path


WRITERS = [tiff_folder, tiff_stack, big_tiff, imagej, raw, hdf5, nwb, zarr_of(2), zarr_of(3), ome_zarr]


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_file_gives_the_numbers_that_are_in_it(tmp_path, write):
    path = write(tmp_path / "data", SMALL)
    known = {"shape": SMALL.shape, "dtype": "uint16"} if write is raw else {}
    lazy = open_lazy(path, block_bytes=5 * 17 * 19 * 2, **known)
    assert isinstance(lazy, da.Array)
    assert (lazy.shape, lazy.dtype.kind, lazy.dtype.itemsize) == (SMALL.shape, "u", 2)
    assert lazy.numblocks[0] > 1
    np.testing.assert_array_equal(lazy.compute(scheduler="synchronous"), SMALL)
    for part in (np.s_[3:11, 2, ::3], np.s_[-1], np.s_[20:2:-4], np.s_[:, 5:6, 7], np.s_[[1, 12, 3]]):
        np.testing.assert_array_equal(lazy[part].compute(scheduler="synchronous"), SMALL[part])


def write_video(path, n_frames, height=48, width=64, fps=25):
    """Frame n has a bright column that moves with n, so that every frame can be told."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.bit_rate = 4_000_000
        for number in range(n_frames):
            frame = np.full((height, width), 30, np.uint8)
            frame[:, number % width] = 220
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format="gray").reformat(format="yuv420p")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_any_frame_of_a_video_is_found(tmp_path, suffix):
    lazy = open_lazy(write_video(tmp_path / f"clip{suffix}", 61), block_bytes=7 * 48 * 64)
    assert (lazy.shape, lazy.dtype, lazy.numblocks[0]) == ((61, 48, 64), np.uint8, 9)
    frames = lazy.compute(scheduler="synchronous")
    assert frames.mean(axis=1).argmax(axis=1).tolist() == list(range(61))
    np.testing.assert_array_equal(lazy[33:36].compute(scheduler="synchronous"), frames[33:36])


def test_blocks_fit_the_chunks_of_the_file_and_the_memory(tmp_path):
    path = tmp_path / "a.zarr"
    zarr.create_array(path, shape=(1000, 300, 300), chunks=(10, 100, 100), dtype="uint16")
    lazy = open_lazy(path, block_bytes=2 * MIB)
    assert all(
        block % chunk == 0 or block == length
        for block, chunk, length in zip(lazy.chunksize, (10, 100, 100), lazy.shape, strict=True)
    )
    assert 1 * MIB <= np.prod(lazy.chunksize) * 2 <= 2 * MIB


def test_tiff_pages_with_channels_keep_their_axes(tmp_path):
    data = RNG.integers(0, 99, (6, 2, 10, 11), dtype=np.uint8)
    path = tmp_path / "tcyx.tif"
    tifffile.imwrite(path, data, compression="zlib", photometric="minisblack", metadata={"axes": "TCYX"})
    lazy = open_lazy(path)
    np.testing.assert_array_equal(lazy[2:5, 1].compute(scheduler="synchronous"), data[2:5, 1])


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        (lambda p: p / "nothing.tif", {}, "there is nothing at .*is the disk plugged in"),
        (lambda p: p, {}, "expected a zarr folder or a folder of .tif files, got .* with nothing in it"),
        (lambda p: raw(p / "a", SMALL), {}, "raw numbers do not say what they are; pass shape= and dtype="),
        (lambda p: raw(p / "a", SMALL), {"shape": (23, 17, 20), "dtype": "uint16"}, r"the file has 14858 \(-782\)"),
        (lambda p: hdf5(p / "a", SMALL), {"name": "movie"}, "no dataset of numbers 'movie'; it has raw/movie, small"),
        (
            lambda p: zarr_of(3)(p / "a", SMALL),
            {"shape": (1, 2, 3)},
            r"expected the shape \(1, 2, 3\), the file has \(23",
        ),
        (lambda p: zarr_of(3)(p / "a", SMALL), {"dtype": "int16"}, "expected the dtype int16, the file has uint16"),
        (lambda p: big_tiff(p / "a", SMALL[:1]), {}, "expected a stack, or the folder of all planes"),
        (lambda p: zarr.create_group(p / "a").store.root, {}, r"a group with the arrays \[\]; pass name="),
    ],
)
def test_what_cannot_be_opened_says_why(tmp_path, make, options, words):
    with pytest.raises((ReaderError, FileNotFoundError), match=words):
        open_lazy(make(tmp_path), **options)


def test_a_gap_in_the_planes_and_a_plane_of_another_size_are_told(tmp_path):
    folder = tiff_folder(tmp_path / "planes", SMALL)
    tifffile.imwrite(folder / "plane_12.tif", SMALL[0, 1:])
    with pytest.raises(
        ReaderError, match=r"plane_12\.tif: expected \(17, 19\) uint16 as in plane_8\.tif, got \(16, 19\)"
    ):
        open_lazy(folder).compute(scheduler="synchronous")
    (folder / "plane_12.tif").unlink()
    with pytest.raises(ReaderError, match=r"planes: no plane with the number 12 \(1 are missing\)"):
        open_lazy(folder)


def test_a_kind_is_told_by_name_or_asked_for(tmp_path):
    (tmp_path / "x.what").write_bytes(b"1234")
    with pytest.raises(ReaderError, match="pass kind= one of tiff, raw, hdf5, video, zarr"):
        kind_of(tmp_path / "x.what")
    assert open_lazy(tmp_path / "x.what", kind="raw", shape=(4,), dtype="uint8").compute().tolist() == [49, 50, 51, 52]


# --- above the ceiling --------------------------------------------------------------------------------------------------

BIG = (96, 1024, 640)  # 120 MiB of uint16, 60 MiB of uint8


def big_frames():
    frame = (np.arange(BIG[1] * BIG[2], dtype=np.uint32).reshape(BIG[1:]) % 3001).astype(np.uint16)
    return (np.roll(frame, n, axis=1) for n in range(BIG[0]))


@pytest.fixture(scope="module")
def big_files(tmp_path_factory):
    """Each kind of file, larger than what is allowed, and written frame by frame."""
    root = tmp_path_factory.mktemp("big")
    paths = {"tiff folder": root / "planes", "BigTIFF": root / "a.btf", "raw": root / "a.bin", "HDF5": root / "a.h5"}
    paths |= {"zarr 2": root / "v2.zarr", "zarr 3": root / "v3.zarr", "video": root / "a.mp4"}
    paths["tiff folder"].mkdir()
    arrays = [
        zarr.create_array(
            paths[f"zarr {v}"], shape=BIG, chunks=(8, 512, 640), dtype="uint16", zarr_format=v, compressors=None
        )
        for v in (2, 3)
    ]
    with (
        tifffile.TiffWriter(paths["BigTIFF"], bigtiff=True) as stack,
        paths["raw"].open("wb") as numbers,
        h5py.File(paths["HDF5"], "w") as file,
    ):
        data = file.create_dataset("movie", shape=BIG, dtype="uint16", chunks=(4, 512, 640))
        for n, frame in enumerate(big_frames()):
            tifffile.imwrite(paths["tiff folder"] / f"{n}.tif", frame)
            stack.write(frame, contiguous=False, photometric="minisblack")
            numbers.write(frame.tobytes())
            data[n] = frame
            if n % 8 == 0:
                slab = []
            slab.append(frame)
            if n % 8 == 7:
                for array in arrays:
                    array[n - 7 : n + 1] = np.stack(slab)
    write_video(paths["video"], 300, 512, 512)  # 75 MiB decoded
    return paths


@pytest.mark.parametrize("kind", ["tiff folder", "BigTIFF", "raw", "HDF5", "zarr 2", "zarr 3", "video"])
def test_a_file_above_the_ceiling_is_read_below_it(big_files, kind):
    from autograde import ceiling

    known = {"shape": BIG, "dtype": "uint16"} if kind == "raw" else {}
    open_lazy(big_files[kind], block_bytes=4 * MIB, **known)[
        :1
    ].mean().compute()  # what libraries keep after the first use
    with ceiling("40 MiB") as m:
        lazy = open_lazy(big_files[kind], block_bytes=4 * MIB, **known)
        total = int(lazy.sum(dtype="uint64").compute(num_workers=2))
    assert lazy.nbytes > 70 * MIB
    if kind != "video":
        assert total == BIG[0] * int(next(big_frames()).sum(dtype="uint64"))
    assert m.peak_bytes is not None
