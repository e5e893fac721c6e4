"""Real recordings for those who are online: what there is, under which licence, how large, and a download that goes on.

Nothing here is needed by a notebook or a test. What a host says of its files (sizes, checksums) is asked when it is needed,
never written down here; a file for which no checksum is published is marked as unverified. Downloads go through pooch, which
compares checksums and skips what is there already; what was interrupted goes on where it was.
"""

from __future__ import annotations

import errno
import fnmatch
import http.client
import itertools
import json
import math
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, BinaryIO, Literal

from data_scripts.settings import data_home, format_bytes
from data_scripts.store import DiskTooSmall

__all__ = [
    "REAL_DATA",
    "Listing",
    "RealData",
    "RealDataError",
    "RemoteFile",
    "choose",
    "download",
    "folder_of",
    "listing",
]

_TIMEOUT_SECONDS = 30
_BLOCK_BYTES = 2**20
_MOST_INDEX_BYTES = 64 * 2**20


class RealDataError(OSError):
    """A host did not answer as expected; `str(error)` says what to do. What was downloaded so far is kept."""

    def __init__(self, text: str) -> None:
        super().__init__(errno.EIO, text)

    def __str__(self) -> str:
        return str(self.strerror)


@dataclass(frozen=True, kw_only=True)
class RealData:
    """A data set at a public archive. `index` is where its host lists the files; `licence` None: the host says."""

    name: str
    summary: str
    page: str
    index: str
    kind: Literal["zenodo", "dandi", "zarr"]
    licence: str | None


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """One file. `size_bytes` is exact, or with `at_most` a bound; `checksum` as "md5:..." or "sha256:...", None: none known.

    `details` is where its host tells the checksum; a file that is `optional` may be absent (a chunk of zeros).
    """

    path: str
    url: str
    size_bytes: int
    at_most: bool = False
    checksum: str | None = None
    details: str | None = None
    optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What the host says today."""

    files: tuple[RemoteFile, ...]
    licence: str


REAL_DATA: Mapping[str, RealData] = MappingProxyType(
    {
        each.name: each
        for each in (
            RealData(
                name="idr",
                summary="a small fluorescence image, two channels of 236 x 275 x 271 voxels, as OME-Zarr 0.5 (IDR, idr0062)",
                page="https://idr.github.io/ome-ngff-samples/",
                index="https://livingobjects.ebi.ac.uk/idr/zarr/v0.5/idr0062A/6001240_labels.zarr",
                kind="zarr",
                licence="CC BY 4.0",
            ),
            RealData(
                name="heart",
                summary="HiP-CT scan of a human heart, and dense and sparse segmentations: zipped zarr, uint16",
                page="https://doi.org/10.5281/zenodo.15544055",
                index="https://zenodo.org/api/records/15544055",
                kind="zenodo",
                licence=None,
            ),
            RealData(
                name="microns",
                summary="two-photon recordings of a mouse's visual cortex (MICrONS): 19 NWB files, 1.42 TB in all",
                page="https://dandiarchive.org/dandiset/000402/0.230307.2132",
                index="https://api.dandiarchive.org/api/dandisets/000402/versions/0.230307.2132/assets/?page_size=100",
                kind="dandi",
                licence="CC-BY-4.0",
            ),
        )
    }
)


def folder_of(data: RealData) -> Path:
    """Where its files lie once they are downloaded."""
    return data_home() / "real" / data.name


# --- what there is ----------------------------------------------------------------------------------------------------


def listing(data: RealData) -> Listing:
    """Ask the host which files there are. Raises `RealDataError` without a network, or for an answer that is none."""
    try:
        files, licence = {"zenodo": _zenodo, "dandi": _dandi, "zarr": _zarr}[data.kind](data.index)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise RealDataError(
            f"{data.index} does not answer as it did when this was written ({type(error).__name__}: {error}); "
            f"look at {data.page}"
        ) from error
    for file in files:
        _check_path(file.path)
    return Listing(files=files, licence=data.licence or licence or "not told by the host; look at its page")


def choose(files: Iterable[RemoteFile], patterns: Iterable[str]) -> tuple[RemoteFile, ...]:
    """The files whose path, or last part of it, fits one of the patterns, such as "*.zip" or "2/*"."""
    some = tuple(patterns)
    return tuple(
        file
        for file in files
        if any(fnmatch.fnmatchcase(name, one) for one in some for name in (file.path, PurePosixPath(file.path).name))
    )


def _zenodo(index: str) -> tuple[tuple[RemoteFile, ...], str]:
    record = _json(index)
    files = [
        RemoteFile(
            path=one["key"],
            url=one["links"]["self"],
            size_bytes=int(one["size"]),
            checksum=_checksum(one.get("checksum")),
        )
        for one in record["files"]
    ]
    return tuple(files), str((record["metadata"].get("license") or {}).get("id", ""))


def _dandi(index: str) -> tuple[tuple[RemoteFile, ...], str]:
    files: list[RemoteFile] = []
    api, following = index.partition("/dandisets/")[0], index
    while following:
        page = _json(following)
        for one in page["results"]:
            asset = urllib.parse.quote(one["asset_id"], safe="")
            files.append(
                RemoteFile(
                    path=one["path"],
                    url=f"{api}/assets/{asset}/download/",
                    size_bytes=int(one["size"]),
                    details=f"{index.partition('?')[0]}{asset}/",
                )
            )
        following = page.get("next")
    return tuple(files), ""


def _zarr(index: str) -> tuple[tuple[RemoteFile, ...], str]:
    """Metadata and chunks (or shards) of every level of an OME-Zarr 0.5 image; a folder on the web has no list of files."""
    group = _json(f"{index}/zarr.json")
    files = [RemoteFile(path="zarr.json", url=f"{index}/zarr.json", size_bytes=2**16, at_most=True)]
    for level in group["attributes"]["ome"]["multiscales"][0]["datasets"]:
        path = level["path"]
        _check_path(path)
        array = _json(f"{index}/{path}/zarr.json")
        files.append(
            RemoteFile(path=f"{path}/zarr.json", url=f"{index}/{path}/zarr.json", size_bytes=2**16, at_most=True)
        )
        chunk = array["chunk_grid"]["configuration"]["chunk_shape"]
        encoding = array["chunk_key_encoding"]
        if encoding["name"] != "default":
            raise ValueError(f"chunk names of the kind {encoding['name']!r}")
        between = encoding.get("configuration", {}).get("separator", "/")
        # compressed chunks are smaller, as a rule; a codec may add a little
        most = math.prod(chunk) * _item_bytes(array["data_type"]) * 101 // 100 + 2**16
        grid = [range(math.ceil(size / part)) for size, part in zip(array["shape"], chunk, strict=True)]
        for place in itertools.product(*grid):
            name = between.join(["c", *map(str, place)])
            files.append(
                RemoteFile(
                    path=f"{path}/{name}", url=f"{index}/{path}/{name}", size_bytes=most, at_most=True, optional=True
                )
            )
    return tuple(files), ""


def _item_bytes(name: str) -> int:
    bits = "".join(letter for letter in name if letter.isdigit())
    return int(bits) // 8 if bits else 1


def _checksum(text: Any) -> str | None:
    return text if isinstance(text, str) and text.partition(":")[0] in ("md5", "sha256") else None


def _check_path(path: str) -> None:
    """A host does not choose where we write."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or any(letter in path for letter in "\\:\0"):
        raise RealDataError(
            f"the host names a file {path!r}, which would lead out of the data folder; nothing was taken"
        )


def _json(url: str) -> Any:
    with _open(url) as answer:
        return json.loads(answer.read(_MOST_INDEX_BYTES))


def _open(url: str, headers: Mapping[str, str] = MappingProxyType({})) -> http.client.HTTPResponse:
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise RealDataError(f"{url} is no address on the web; nothing was taken")
    request = urllib.request.Request(url, headers={"User-Agent": "autograde", "Accept-Encoding": "identity", **headers})
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError:
        raise
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise RealDataError(
            f"{urllib.parse.urlsplit(url).netloc} cannot be reached ({reason}). Real data needs a network; "
            "everything else works without: `autograde data` makes data like it"
        ) from error
    return answer


# --- getting it -------------------------------------------------------------------------------------------------------


def download(
    files: Iterable[RemoteFile],
    folder: Path,
    *,
    told: Callable[[RemoteFile, int], None] = lambda file, more_bytes: None,
) -> tuple[Path, ...]:
    """Bring `files` below `folder`; returns where they are. What is there, with the right checksum, is not asked again.

    `told` hears of every few bytes. May be stopped at any time: called again it goes on. Raises `DiskTooSmall` before, and
    `RealDataError` where a host does not answer, stops in between, or sends something else than its checksum says.
    """
    import pooch

    some = tuple(files)
    missing = sum(
        max(0, file.size_bytes - _held(folder / file.path)) for file in some if not (folder / file.path).is_file()
    )
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise DiskTooSmall(needed_bytes=missing, free_bytes=free, path=folder)
    pooch.get_logger().setLevel("ERROR")
    done = []
    for file in map(_with_checksum, some):
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            pooch.retrieve(
                file.url, file.checksum, fname=target.name, path=target.parent, downloader=_Resuming(file, target, told)
            )
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (403, 404) and file.optional:
                    continue
                raise RealDataError(f"{file.url} answers {error.code} {error.reason}; try again later") from error
        except ValueError as error:  # pooch's own, for a checksum that differs
            raise RealDataError(
                f"{file.path} does not have the checksum that its host publishes ({file.checksum}); it was thrown away. "
                "Run the same command again"
            ) from error
        done.append(target)
    return tuple(done)


def _with_checksum(file: RemoteFile) -> RemoteFile:
    if file.checksum or not file.details:
        return file
    found = _json(file.details)
    digest = (found.get("digest") or found.get("metadata", {}).get("digest") or {}).get("dandi:sha2-256")
    return replace(file, checksum=f"sha256:{digest}") if isinstance(digest, str) else file


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _held(target: Path) -> int:
    """Bytes of an interrupted download."""
    part = _part(target)
    return part.stat().st_size if part.is_file() else 0


class _Resuming:
    """A downloader for pooch: what arrives is kept beside the target, and asked for from where it ended.

    It goes on only if the host still has the same file (its ETag or date is the same): otherwise it begins anew.
    """

    def __init__(self, file: RemoteFile, target: Path, told: Callable[[RemoteFile, int], None]) -> None:
        self.file, self.told = file, told
        self.part = _part(target)
        self.mark = target.with_name(f"{target.name}.part.mark")

    def __call__(self, url: str, output_file: Any, pooch: Any, check_only: bool = False) -> None:
        for _ in range(2):
            if self._fetch(url):
                self.part.replace(output_file)
                self.mark.unlink(missing_ok=True)
                return
        raise RealDataError(f"{url} is another file each time it is asked for; try again later")

    def _fetch(self, url: str) -> bool:
        """Get what is missing; False where what is held is of no use, and was thrown away."""
        held = self.part.stat().st_size if self.part.is_file() else 0
        mark = self.mark.read_text(encoding="utf-8") if self.mark.is_file() else ""
        if not mark:  # nobody could tell whether it is still the same file
            held = 0
        headers = {"Range": f"bytes={held}-", "If-Range": mark} if held else {}
        try:
            answer = _open(url, headers)
        except urllib.error.HTTPError as error:
            if error.code != 416:
                raise
            error.close()
            return self._forget()
        with answer:
            now = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            if answer.status == 206:
                begins = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
                if begins != str(held) or now != mark:
                    return self._forget()
            else:
                held = 0
            weak = now.startswith("W/")  # says that it means the same, not that it is the same bytes
            self.mark.write_text("" if weak else now, encoding="utf-8")
            total = held + int(answer.headers["Content-Length"]) if answer.headers.get("Content-Length") else None
            self.told(self.file, held)
            with self.part.open("ab" if held else "wb") as stream:
                whole = self._copy(answer, stream)
        size = self.part.stat().st_size
        if not whole or (total is not None and size != total):
            raise RealDataError(
                f"the connection ended after {format_bytes(size)} of {self.file.path}. "
                "They are kept: run the same command again, and it goes on"
            )
        return True

    def _copy(self, answer: http.client.HTTPResponse, stream: BinaryIO) -> bool:
        """Keep what comes, as it comes; False where the connection broke."""
        while True:
            try:
                block = answer.read1(_BLOCK_BYTES)
            except (OSError, http.client.HTTPException):
                return False
            if not block:
                return True
            stream.write(block)
            self.told(self.file, len(block))

    def _forget(self) -> bool:
        self.part.unlink(missing_ok=True)
        self.mark.unlink(missing_ok=True)
        return False
