"""Messages between judge and student process: towards the student anything, back only data.

A message is a JSON header and a few buffers. What comes back is rebuilt from a short list of kinds; nothing is unpickled,
sizes are bounded before anything is read, and what is not on the list is a `SubmissionError`.
"""

from __future__ import annotations

import json
import math
import os
import re
import select
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from .errors import SubmissionError
from .folders import DEEPEST, TooDeep, entries

__all__ = ["MAX_BODY_BYTES", "BadTree", "Closed", "Connection", "TimedOut", "check_zarr_tree", "pack", "unpack"]

_HEAD = struct.Struct(">4sIQ")  # magic, bytes of the header, bytes of all buffers
_MAGIC = b"AGW1"
_MAX_HEADER_BYTES = 32 * 2**20
MAX_BODY_BYTES = 2**30
_MAX_RANGE = 10**7
_MAX_DEPTH = 50
_PLAIN_KINDS = "biufcmMSU"


class Closed(Exception):
    """The other side has ended."""


class BadTree(SubmissionError):
    """Something in a folder that will not be opened: `path` is what has to go before the rest can be used."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class TimedOut(Exception):
    """No message came in time."""


class Connection:
    """Length-prefixed messages over a connected socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._socket.setblocking(True)

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, header: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Send one message. Raises `Closed` when nobody is there to read it."""
        buffers = buffers or []
        head = json.dumps({**header, "sizes": [len(buffer) for buffer in buffers]}).encode()
        try:
            self._socket.sendall(_HEAD.pack(_MAGIC, len(head), sum(map(len, buffers))) + head)
            for buffer in buffers:
                self._socket.sendall(buffer)
        except OSError as error:
            raise Closed from error

    def receive(self, *, deadline: float | None = None, max_body_bytes: int = MAX_BODY_BYTES):  # type: ignore[no-untyped-def]
        """The next message as (header, buffers). Raises `Closed`, `TimedOut` (at `deadline` of time.monotonic), or
        `SubmissionError` for one that is not well formed or too large."""
        magic, header_bytes, body_bytes = _HEAD.unpack(self._read(_HEAD.size, deadline))
        if magic != _MAGIC or header_bytes > _MAX_HEADER_BYTES:
            raise SubmissionError("the answer is not well formed")
        if body_bytes > max_body_bytes:
            raise SubmissionError(
                f"the answer has {body_bytes >> 20} MiB; at most {max_body_bytes >> 20} MiB are taken"
            )
        try:
            header = json.loads(bytes(self._read(header_bytes, deadline)))
            sizes = header["sizes"]
            well_formed = all(type(size) is int and size >= 0 for size in sizes) and sum(sizes) == body_bytes
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise SubmissionError("the answer is not well formed") from error
        if not well_formed:
            raise SubmissionError("the answer is not well formed")
        return header, [self._read(size, deadline) for size in sizes]

    def _read(self, size: int, deadline: float | None) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                    raise TimedOut
            try:
                count = self._socket.recv_into(view)
            except OSError as error:
                raise Closed from error
            if count == 0:
                raise Closed
            view = view[count:]
        return data


# --- values -------------------------------------------------------------------------------------------------------


def pack(value: Any, buffers: list[bytes], *, keep: Callable[[Any], int] | None = None, depth: int = 0) -> Any:
    """`value` as a JSON tree, with array contents appended to `buffers`.

    `keep` stores a lazy object on this side and gives its number. Raises `SubmissionError` for what cannot cross.
    """
    if depth > _MAX_DEPTH:
        raise SubmissionError("the answer is nested too deeply")
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"k": "float", "v": repr(value)}

    def inner(part: Any) -> Any:
        return pack(part, buffers, keep=keep, depth=depth + 1)

    if kind in (list, tuple, set, frozenset):
        return {"k": kind.__name__, "v": [inner(part) for part in value]}
    if isinstance(value, dict):
        return {"k": "dict", "v": [[inner(key), inner(part)] for key, part in value.items()]}
    if kind in (bytes, bytearray):
        buffers.append(bytes(value))
        return {"k": "bytes", "b": len(buffers) - 1}
    if kind is complex:
        return {"k": "complex", "v": [repr(value.real), repr(value.imag)]}
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.kind not in _PLAIN_KINDS:
            raise SubmissionError(f"an array of dtype {array.dtype} cannot be judged; numbers, booleans or texts can")
        buffers.append(np.ascontiguousarray(array).tobytes())
        name = "array" if isinstance(value, np.ndarray) else "scalar"
        return {"k": name, "dtype": array.dtype.str, "shape": list(array.shape), "b": len(buffers) - 1}
    if isinstance(value, PurePath):
        return {"k": "path", "v": str(Path(value).absolute())}
    if isinstance(value, slice):
        return {"k": "slice", "v": [inner(value.start), inner(value.stop), inner(value.step)]}
    if isinstance(value, range):
        return {"k": "range", "v": [value.start, value.stop, value.step]}
    if value is Ellipsis:
        return {"k": "ellipsis"}
    if isinstance(value, np.dtype) and value.kind in _PLAIN_KINDS:
        return {"k": "dtype", "v": value.str}
    return _pack_special(value, keep)


def _pack_special(value: Any, keep: Callable[[Any], int] | None) -> Any:
    module = type(value).__module__.partition(".")[0]
    if module == "zarr":
        import zarr
        from zarr.storage import LocalStore

        if isinstance(value, zarr.Array | zarr.Group):
            if not isinstance(value.store, LocalStore):
                raise SubmissionError(
                    f"a zarr object in a {type(value.store).__name__} cannot be judged; one in a folder can"
                )
            node = "array" if isinstance(value, zarr.Array) else "group"
            return {"k": "zarr", "node": node, "root": str(Path(value.store.root).absolute()), "path": value.path}
    if module == "dask" and keep is not None:
        import dask.array as da

        if isinstance(value, da.Array):
            return {
                "k": "dask",
                "handle": keep(value),
                "shape": [int(size) if size == size else None for size in value.shape],
                "chunks": [[int(size) if size == size else None for size in axis] for axis in value.chunks],
                "dtype": value.dtype.str,
            }
    if isinstance(value, int | float | str):  # a subclass: only its plain value crosses
        plain = next(base for base in (bool, int, float, str) if isinstance(value, base))
        return pack(plain(value), [])
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    raise SubmissionError(
        f"the function returned a {name}, which cannot be judged. Return what its docstring says: "
        "numbers, texts, containers of them, numpy arrays, or zarr arrays in a folder."
    )


def unpack(
    tree: Any, buffers: list[bytearray], *, lazy: Callable[[dict[str, Any]], Any] | None = None, depth: int = 0
) -> Any:
    """The value that `pack` made a tree of. Raises `SubmissionError` for anything that `pack` does not make."""
    try:
        return _unpack(tree, buffers, lazy, depth)
    except SubmissionError:
        raise
    except Exception as error:
        raise SubmissionError(f"the answer is not well formed ({type(error).__name__})") from error


def _unpack(tree: Any, buffers: list[bytearray], lazy: Callable[[dict[str, Any]], Any] | None, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise SubmissionError("the answer is nested too deeply")
    if not isinstance(tree, dict):
        if tree is None or type(tree) in (bool, int, float, str):
            return tree
        raise SubmissionError("the answer is not well formed")

    def inner(part: Any) -> Any:
        return _unpack(part, buffers, lazy, depth + 1)

    kind = tree["k"]
    match kind:
        case "list" | "tuple" | "set" | "frozenset":
            maker: Callable[[Any], Any] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[kind]
            return maker(inner(part) for part in tree["v"])
        case "dict":
            return {inner(key): inner(part) for key, part in tree["v"]}
        case "float":
            return float(str(tree["v"])[:40])
        case "complex":
            return complex(float(str(tree["v"][0])[:40]), float(str(tree["v"][1])[:40]))
        case "bytes":
            return bytes(_taken(tree["b"], buffers))
        case "array" | "scalar":
            dtype = _plain_dtype(tree["dtype"])
            shape = tuple(int(size) for size in tree["shape"])
            array = np.frombuffer(_taken(tree["b"], buffers), dtype=dtype).reshape(shape)
            return array if kind == "array" else array[()]
        case "path":
            return Path(str(tree["v"]))
        case "slice":
            return slice(*(inner(part) for part in tree["v"]))
        case "range":
            numbers = range(*(int(part) for part in tree["v"]))
            if len(numbers[: _MAX_RANGE + 1]) > _MAX_RANGE:
                raise SubmissionError(f"a range of more than {_MAX_RANGE} numbers cannot be judged")
            return numbers
        case "ellipsis":
            return Ellipsis
        case "dtype":
            return _plain_dtype(tree["v"])
        case "zarr" | "dask" if lazy is not None:
            return lazy(tree)
    raise SubmissionError("the answer is not well formed")


def _taken(place: Any, buffers: list[bytearray]) -> bytearray:
    """A buffer, which one value has for itself: a thousand that share one would be a thousand copies."""
    buffer: bytearray = buffers[place]
    if buffer is _TAKEN:
        raise SubmissionError("the answer is not well formed")
    buffers[place] = _TAKEN
    return buffer


_TAKEN = bytearray()


def _plain_dtype(text: Any) -> np.dtype[Any]:
    if not re.fullmatch(r"[<>|=]?[biufcmMSU][0-9]{1,6}(\[[0-9a-zA-Z]{1,8}\])?", str(text)):
        raise SubmissionError(f"dtype {str(text)[:40]!r} cannot be judged")
    return np.dtype(str(text))


# --- zarr folders made by a student ---------------------------------------------------------------------------------

_CODECS = frozenset(
    {"bytes", "gzip", "zstd", "blosc", "crc32c", "sharding_indexed", "transpose", "zlib", "lz4", "bz2", "lzma"}
)
_CODECS |= frozenset({"delta", "shuffle", "fixedscaleoffset", "quantize", "bitround", "packbits", "adler32", "crc32"})
_MAX_METADATA_BYTES = 2**20
_MAX_FILES = 500_000
_MAX_ARRAY_BYTES = 2**50
_MAX_CHUNK_BYTES = 2**30


def check_zarr_tree(root: Path) -> None:
    """Refuse a folder that would do more than hold data when it is opened: links, objects, codecs that run code.

    Raises `BadTree` that names the file. A folder that does not exist is fine: the test will say so.
    """
    if root.is_symlink():
        raise BadTree(f"{root.name} is a link; data has to be written as files of its own", root)
    try:
        for count, (place, entry) in enumerate(entries(root)):  # thousands of chunks after each call
            if count >= _MAX_FILES:
                top = _top(root, Path(place))
                raise BadTree(f"more than {_MAX_FILES} files were written; use larger chunks or shards", top)
            if entry.is_symlink():
                raise BadTree(f"{entry.name} is a link; data has to be written as files of its own", Path(place))
            if entry.is_dir(follow_symlinks=False):
                continue
            if not entry.is_file(follow_symlinks=False):
                raise BadTree(f"{entry.name} is not a regular file", Path(place))
            if entry.name in ("zarr.json", ".zarray", ".zmetadata"):
                _check_metadata(Path(place))
    except TooDeep as error:
        top = _top(root, Path(error.path))
        raise BadTree(f"{top.name} has more than {DEEPEST} folders within folders", top) from None
    except PermissionError as error:
        top = _top(root, Path(os.fsdecode(error.filename)))
        raise BadTree(f"{top.name} cannot be read: its permissions forbid it", top) from None


def _top(root: Path, path: Path) -> Path:
    """What lies directly in `root` and has `path` in it."""
    parts = path.relative_to(root).parts
    return root / parts[0] if parts else root


def _check_metadata(path: Path) -> None:
    if path.stat().st_size > _MAX_METADATA_BYTES:
        raise BadTree(f"{path.name} in {path.parent.name} is larger than metadata can be", path)
    try:
        meta = json.loads(path.read_bytes())
        _check_node(meta)
        for node in (meta.get("consolidated_metadata") or {}).get("metadata", {}).values():
            _check_node(node)
        for node in meta.get("metadata", {}).values() if path.name == ".zmetadata" else ():
            _check_node(node)
    except SubmissionError as error:
        raise BadTree(f"zarr array {path.parent.name}: {error}", path) from None
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError) as error:
        raise BadTree(f"{path.name} in {path.parent.name} is not zarr metadata", path) from error


def _check_node(meta: dict[str, Any]) -> None:
    if "shape" not in meta:
        return
    dtype = meta.get("data_type", meta.get("dtype"))
    if not isinstance(dtype, str) or dtype.lstrip("<>|=").startswith(("O", "object", "variable", "string", "vlen")):
        raise SubmissionError(f"dtype {dtype!r} cannot be judged; numbers and booleans can")
    if math.prod(int(size) for size in meta["shape"]) > _MAX_ARRAY_BYTES:
        raise SubmissionError(f"shape {meta['shape']} is larger than anything in this course")
    grid = meta["chunks"] if "chunks" in meta else meta["chunk_grid"]["configuration"]["chunk_shape"]
    item = re.search(r"[0-9]+$", dtype)
    bits = int(item[0]) if item and "data_type" in meta else 8 * int(item[0]) if item else 64
    if math.prod(int(size) for size in grid) * bits > 8 * _MAX_CHUNK_BYTES:
        raise SubmissionError(f"chunks of {grid} are too large to be read: at most {_MAX_CHUNK_BYTES >> 20} MiB each")
    codecs = [
        *meta.get("codecs", ()),
        *(meta.get("filters") or ()),
        *([meta["compressor"]] if meta.get("compressor") else ()),
    ]
    while codecs:
        codec = codecs.pop()
        name = codec.get("name", codec.get("id"))
        if str(name).removeprefix("numcodecs.") not in _CODECS:
            raise SubmissionError(
                f"codec {name!r} cannot be judged; use one that every zarr reader has, such as zstd or blosc"
            )
        settings = codec.get("configuration") or {}
        codecs.extend([*settings.get("codecs", ()), *settings.get("index_codecs", ())])
