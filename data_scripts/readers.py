"""Opens what people bring along as a lazy dask array: nothing is read but the description, until a block is asked for.

========== =============================================== =====================================================
kind       what                                            how a block is read
========== =============================================== =====================================================
tiff       a folder of planes, a stack, a BigTIFF          plane by plane; uncompressed stacks as a memory map
raw        numbers and nothing else, with shape and dtype  as a memory map
hdf5       HDF5, NWB; a dataset by name, or the largest    the file is opened anew for each block
video      anything that FFmpeg decodes, as grey values    from the nearest key frame on
zarr       zarr format 2 or 3; OME-Zarr: its finest level  by zarr
========== =============================================== =====================================================

Blocks are runs along the first axis of at most `block_bytes`, where the file allows it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import dask.array as da

__all__ = ["KINDS", "ReaderError", "kind_of", "natural", "open_lazy"]

KINDS = ("tiff", "raw", "hdf5", "video", "zarr")
_SUFFIXES = {
    "tiff": (".tif", ".tiff", ".btf", ".tf8"),
    "hdf5": (".h5", ".hdf5", ".nwb", ".hdf"),
    "video": (".mp4", ".avi", ".mkv", ".mov", ".webm"),
    "raw": (".bin", ".dat", ".raw"),
}
_BLOCK_BYTES = 8 * 2**20

Array = npt.NDArray[Any]


class ReaderError(ValueError):
    """Data that cannot be opened as asked; says what was expected, what is there, and what to do."""


def natural(name: str) -> list[Any]:
    """A key that sorts names by the numbers in them.

    >>> sorted(["z10.tif", "z9.tif"], key=natural)
    ['z9.tif', 'z10.tif']
    """
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def kind_of(path: Path) -> str:
    """What lies at `path`, one of `KINDS`, by its name and by what is in it.

    Errors: FileNotFoundError; `ReaderError` where it cannot be told.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is nothing at {path}: is the disk plugged in, and the name right?")
    if path.is_dir():
        if any((path / name).is_file() for name in ("zarr.json", ".zarray", ".zgroup")):
            return "zarr"
        if _planes(path):
            return "tiff"
        raise ReaderError(f"expected a zarr folder or a folder of .tif files, got {path} with {_some_names(path)}")
    for kind, suffixes in _SUFFIXES.items():
        if path.suffix.lower() in suffixes:
            return kind
    raise ReaderError(f"{path.name}: its kind cannot be told by its name; pass kind= one of {', '.join(KINDS)}")


def open_lazy(
    path: Path | str,
    *,
    kind: str | None = None,
    shape: Sequence[int] | None = None,
    dtype: str | None = None,
    offset_bytes: int = 0,
    name: str | None = None,
    block_bytes: int = _BLOCK_BYTES,
) -> da.Array:
    """A dask array of the data at `path`; no voxel is read.

    `shape`, `dtype` and `offset_bytes` (length of a header) are for raw; `name` is a dataset in an HDF5 file, or an array
    in a zarr group. Elsewhere `shape` and `dtype`, where given, are compared with what is there.
    Errors: FileNotFoundError; `ReaderError`.
    """
    import dask.array as da

    path = Path(path)
    kind = kind or kind_of(path)
    if kind not in KINDS:
        raise ReaderError(f"expected a kind of {', '.join(KINDS)}, got {kind!r}")
    if not path.exists():
        raise FileNotFoundError(f"there is nothing at {path}: is the disk plugged in, and the name right?")
    source: Any
    if kind == "raw":
        source = _raw(path, shape, dtype, offset_bytes)
    elif kind == "tiff":
        source = _planes_source(path) if path.is_dir() else _stack(path)
    elif kind == "hdf5":
        source = _hdf5(path, name)
    elif kind == "video":
        source = _video(path)
    else:
        source = _zarr(path, name)
    for what, wanted, found in (
        ("shape", None if shape is None else tuple(shape), tuple(source.shape)),
        ("dtype", None if dtype is None else np.dtype(dtype), np.dtype(source.dtype)),
    ):
        if wanted is not None and wanted != found:
            raise ReaderError(f"{path.name}: expected the {what} {wanted}, the file has {found}; mend the data card")
    lazy: da.Array = da.from_array(
        source,
        chunks=_blocks(source, block_bytes),
        name=False,
        asarray=True,
        meta=np.empty((0,) * len(source.shape), source.dtype),
    )
    return lazy


def _blocks(source: Any, block_bytes: int) -> tuple[int, ...]:
    """Whole rows along the first axis, as many as fit; multiples of the chunks that the file has."""
    shape, own = tuple(source.shape), getattr(source, "chunks", None)
    item = np.dtype(source.dtype).itemsize
    if own is None:
        rows = max(1, min(shape[0], block_bytes // max(1, math.prod(shape[1:]) * item)))
        return (rows, *shape[1:])
    blocks = [min(length, chunk) for length, chunk in zip(shape, own, strict=True)]
    for axis in reversed(range(len(shape))):  # the last axes lie side by side in the file
        room = block_bytes // (math.prod(blocks) * item)
        if room > 1:
            blocks[axis] = min(shape[axis], blocks[axis] * room)
    return tuple(blocks)


@dataclass(frozen=True, kw_only=True)
class _Source:
    """What dask asks for parts of: small, and fit to be sent to another process."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __getitem__(self, key: Any) -> Array:
        first, *others = key if isinstance(key, tuple) else (key,)
        wanted = np.arange(self.shape[0])[first]  # dask asks for slices, for one row, or for a list of rows
        if wanted.size == 0:
            return np.empty((0, *self.shape[1:]), self.dtype)[(slice(None), *others)]
        start = int(wanted.min())
        found = self.rows(start, int(wanted.max()) + 1)
        step = first.step if isinstance(first, slice) else None
        inner = wanted - start if step not in (None, 1) or not isinstance(first, slice) else slice(None)
        return np.asarray(found[inner])[(*(slice(None),) * wanted.ndim, *others)]

    def rows(self, start: int, stop: int) -> Array:
        """Rows start to stop along the first axis, whole."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class _Mapped(_Source):
    """Numbers that lie in a file one after the other."""

    offset_bytes: int

    def rows(self, start: int, stop: int) -> Array:
        row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        shape = (stop - start, *self.shape[1:])
        where = self.offset_bytes + start * row_bytes
        return np.memmap(self.path, dtype=self.dtype, mode="r", offset=where, shape=shape)


@dataclass(frozen=True, kw_only=True)
class _Planes(_Source):
    """A folder of TIFF files, one plane each."""

    names: tuple[str, ...] = field(repr=False)

    def rows(self, start: int, stop: int) -> Array:
        import tifffile

        found = np.empty((stop - start, *self.shape[1:]), self.dtype)
        for row, name in enumerate(self.names[start:stop]):
            plane = tifffile.imread(self.path / name)
            if plane.shape != self.shape[1:] or plane.dtype != self.dtype:
                raise ReaderError(
                    f"{name}: expected {self.shape[1:]} {self.dtype} as in {self.names[0]}, got {plane.shape} {plane.dtype}"
                )
            found[row] = plane
        return found


@dataclass(frozen=True, kw_only=True)
class _Pages(_Source):
    """The pages of one TIFF file."""

    one_by_one: bool  # each page was written by itself, and the file does not say that they belong together

    def rows(self, start: int, stop: int) -> Array:
        import tifffile

        per_row = math.prod(self.shape[1:-2])
        with tifffile.TiffFile(self.path) as tiff:
            all_pages = tiff.pages if self.one_by_one else tiff.series[0].pages
            pages = all_pages[start * per_row : stop * per_row]
            found = np.stack([page.asarray() for page in pages if page is not None])
        return found.reshape((stop - start, *self.shape[1:]))


@dataclass(frozen=True, kw_only=True)
class _Dataset(_Source):
    """A dataset of an HDF5 file, which is opened for each block: an open file cannot go to another process."""

    name: str
    chunks: tuple[int, ...] | None

    def __getitem__(self, key: Any) -> Array:
        import h5py

        with h5py.File(self.path, "r") as file:
            return np.asarray(file[self.name][key])


@dataclass(frozen=True, kw_only=True)
class _Video(_Source):
    """Grey values of a video; `times` are the time stamps of its frames, in the stream's own unit."""

    times: tuple[int, ...] = field(repr=False)

    def rows(self, start: int, stop: int) -> Array:
        import av

        found = np.empty((stop - start, *self.shape[1:]), np.uint8)
        got = 0
        with av.open(str(self.path)) as container:
            stream = container.streams.video[0]
            if start:
                container.seek(self.times[start], stream=stream, backward=True)
            for frame in container.decode(stream):
                if frame.pts is None or frame.pts < self.times[start]:
                    continue
                found[got] = frame.to_ndarray(format="gray")
                got += 1
                if got == stop - start:
                    return found
        raise ReaderError(
            f"{self.path.name}: frames {start} to {stop - 1} were asked for, {got} can be decoded: the file is damaged"
        )


def _planes(folder: Path) -> list[str]:
    names = (path.name for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES["tiff"])
    return sorted((name for name in names if not name.startswith(".")), key=natural)


def _some_names(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "") if names else "nothing in it"


def _planes_source(folder: Path) -> _Planes:
    import tifffile

    names = _planes(folder)
    if not names:
        raise ReaderError(f"expected .tif files in {folder}, got {_some_names(folder)}")
    numbers = [int(found[-1]) for name in names if (found := re.findall(r"\d+", Path(name).stem))]
    if len(numbers) == len(names) and len(set(numbers)) == len(numbers):
        missing = sorted(set(range(min(numbers), max(numbers) + 1)) - set(numbers))
        if missing and len(missing) < len(names):
            raise ReaderError(f"{folder.name}: no plane with the number {missing[0]} ({len(missing)} are missing)")
    with tifffile.TiffFile(folder / names[0]) as tiff:
        series = tiff.series[0]
        shape, dtype = tuple(series.shape), np.dtype(series.dtype)
    if len(shape) != 2:
        raise ReaderError(
            f"expected one plane (y, x) in each file, {names[0]} has the shape {shape}; open it by itself"
        )
    return _Planes(path=folder, shape=(len(names), *shape), dtype=dtype, names=tuple(names))


def _stack(path: Path) -> _Source:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        shape, offset = tuple(int(size) for size in series.shape), series.dataoffset
        alike = {(tuple(one.shape), np.dtype(one.dtype)) for one in tiff.series}
        if len(shape) == 2 and len(tiff.series) > 1 and len(alike) == 1:
            shape = (len(tiff.series), *shape)
            return _Pages(path=path, shape=shape, dtype=np.dtype(series.dtype), one_by_one=True)
        dtype = np.dtype(series.dtype).newbyteorder(tiff.byteorder)
        first = series.pages[0]
        n_pages, plane = len(series.pages), () if first is None else tuple(first.shape)
    if len(shape) < 3:
        raise ReaderError(f"{path.name} has one plane, {shape}; expected a stack, or the folder of all planes")
    if offset is not None:
        return _Mapped(path=path, shape=shape, dtype=dtype, offset_bytes=int(offset))
    if plane != shape[-2:] or n_pages != math.prod(shape[:-2]):
        raise ReaderError(
            f"{path.name}: {n_pages} pages of {plane} do not make the shape {shape}; expected one grey plane (y, x) a page"
        )
    return _Pages(path=path, shape=shape, dtype=np.dtype(dtype.newbyteorder("=")), one_by_one=False)


def _raw(path: Path, shape: Sequence[int] | None, dtype: str | None, offset_bytes: int) -> _Mapped:
    if shape is None or dtype is None:
        raise ReaderError(f"{path.name}: raw numbers do not say what they are; pass shape= and dtype=")
    kind = np.dtype(dtype)
    wanted, there = offset_bytes + math.prod(shape) * kind.itemsize, path.stat().st_size
    if wanted != there:
        raise ReaderError(
            f"{path.name}: expected {wanted} bytes for {tuple(shape)} {kind} behind {offset_bytes} bytes of header, "
            f"the file has {there} ({there - wanted:+d}); is the shape, the dtype or the header another?"
        )
    return _Mapped(path=path, shape=tuple(shape), dtype=kind, offset_bytes=offset_bytes)


def _hdf5(path: Path, name: str | None) -> _Dataset:
    import h5py

    sizes: dict[str, int] = {}

    def look(place: str, thing: Any) -> None:
        if isinstance(thing, h5py.Dataset) and thing.dtype.kind in "biuf" and thing.ndim > 0:
            sizes[place] = math.prod(thing.shape) * thing.dtype.itemsize

    with h5py.File(path, "r") as file:
        file.visititems(look)
        if not sizes:
            raise ReaderError(f"{path.name} has no dataset of numbers")
        name = (name or max(sizes, key=lambda place: sizes[place])).strip("/")
        if name not in sizes:
            raise ReaderError(f"{path.name} has no dataset of numbers {name!r}; it has {', '.join(sorted(sizes))}")
        data = file[name]
        return _Dataset(path=path, shape=data.shape, dtype=data.dtype, name=name, chunks=data.chunks)


def _video(path: Path) -> _Video:
    import av

    with av.open(str(path)) as container:  # packets only: nothing is decoded, and headers are not believed
        stream = container.streams.video[0]
        packets = [packet.pts for packet in container.demux(stream) if packet.size]
        times = sorted(pts for pts in packets if pts is not None)
        height, width = stream.height, stream.width
    if not times or len(times) != len(packets) or len(set(times)) != len(times):
        raise ReaderError(
            f"{path.name} has no time stamps to find frames by; convert it first: ffmpeg -i {path.name} a.mp4"
        )
    return _Video(path=path, shape=(len(times), height, width), dtype=np.dtype(np.uint8), times=tuple(times))


def _zarr(path: Path, name: str | None) -> Any:
    import zarr

    node: Any = zarr.open(str(path), mode="r")
    if name is None and isinstance(node, zarr.Group):
        described = dict(node.attrs).get("ome", dict(node.attrs))
        scales = described.get("multiscales") if isinstance(described, dict) else None
        name = scales[0]["datasets"][0]["path"] if scales else None
        if name is None:
            arrays = sorted(node.array_keys())
            if len(arrays) != 1:
                raise ReaderError(f"{path.name} is a group with the arrays {arrays}; pass name= one of them")
            name = arrays[0]
    found = node[name] if name is not None else node
    if not isinstance(found, zarr.Array):
        raise ReaderError(f"{path.name}: {name} is no array")
    return found
