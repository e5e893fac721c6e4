"""Real data: licence and size first, downloads that go on, checksums compared. A server on this machine stands in."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
import zarr
from click.testing import CliRunner

from autograde.cli import main
from data_scripts import real
from data_scripts.real import REAL_DATA, RealData, RealDataError, RemoteFile, choose, download, listing
from data_scripts.store import DiskTooSmall

pytest.importorskip("pooch")

BYTES = np.random.default_rng(5).integers(0, 256, 3_000_017, dtype=np.uint8).tobytes()
SHA256 = f"sha256:{hashlib.sha256(BYTES).hexdigest()}"
MD5 = f"md5:{hashlib.md5(BYTES, usedforsecurity=False).hexdigest()}"


class Host(http.server.ThreadingHTTPServer):
    """A web server with files, ranges and faults; notes what was asked, and from which byte on."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked = {}, []
        self.cut_after = None  # bytes of a file, then the connection ends
        self.etag, self.ranges, self.length = '"one"', True, True

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        host, begin = self.server, 0
        data = host.files.get(self.path.partition("?")[0])
        asked = self.headers.get("Range")
        host.asked.append((self.path, asked))
        if data is None:
            self.send_error(404)
            return
        if asked and host.ranges and self.headers.get("If-Range") == host.etag:
            begin = int(asked.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if host.etag:
            self.send_header("ETag", host.etag)
        if host.length:
            self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        self.wfile.write(data[begin : None if host.cut_after is None else begin + host.cut_after])

    def log_message(self, *args):
        """Nothing on standard error."""


@contextmanager
def hosting():
    server = Host()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def host():
    with hosting() as server:
        server.files["/movie.bin"] = BYTES
        yield server


def movie(host, checksum=SHA256):
    return RemoteFile(path="sub/movie.bin", url=f"{host.address}/movie.bin", size_bytes=len(BYTES), checksum=checksum)


# --- what is written down -----------------------------------------------------------------------------------------------


def test_every_real_data_set_names_its_page_and_its_licence_or_asks_for_it():
    assert set(REAL_DATA) == {"idr", "heart", "microns"}
    for one in REAL_DATA.values():
        assert one.page.startswith("https://")
        assert one.index.startswith("https://")
        assert one.licence or one.kind == "zenodo"
        assert len(one.summary) > 40


# --- downloads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checksum", [SHA256, MD5, None])
def test_a_file_is_downloaded_once(host, tmp_path, checksum):
    told = []
    file = movie(host, checksum)
    assert download([file], tmp_path, told=lambda file, more: told.append(more)) == (tmp_path / "sub" / "movie.bin",)
    assert (tmp_path / "sub" / "movie.bin").read_bytes() == BYTES
    assert sum(told) == len(BYTES)
    download([file], tmp_path)
    assert len(host.asked) == 1
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["movie.bin"]


@pytest.mark.parametrize("length", [True, False])
def test_an_interrupted_download_goes_on_where_it_was(host, tmp_path, length):
    host.length = length
    host.cut_after = 2_000_000
    if not length:  # an end without a length looks like the end of the file: the checksum tells
        with pytest.raises(RealDataError, match="does not have the checksum"):
            download([movie(host)], tmp_path)
        return
    with pytest.raises(RealDataError, match=r"ended after 1\.91 MiB of sub/movie\.bin\. They are kept: run the same"):
        download([movie(host)], tmp_path)
    assert not (tmp_path / "sub" / "movie.bin").exists()
    host.cut_after = None
    told = []
    download([movie(host)], tmp_path, told=lambda file, more: told.append(more))
    assert host.asked == [("/movie.bin", None), ("/movie.bin", "bytes=2000000-")]
    assert (tmp_path / "sub" / "movie.bin").read_bytes() == BYTES
    assert sum(told) == len(BYTES)
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["movie.bin"]


def test_ctrl_c_keeps_what_has_come(host, tmp_path):
    def stop(file, more):
        if more:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download([movie(host)], tmp_path, told=stop)
    assert 0 < (tmp_path / "sub" / "movie.bin.part").stat().st_size <= len(BYTES)
    download([movie(host)], tmp_path)
    assert host.asked[1][1] is not None
    assert (tmp_path / "sub" / "movie.bin").read_bytes() == BYTES


@pytest.mark.parametrize("change", ["new file", "no ranges", "no mark"])
def test_it_begins_anew_where_going_on_would_mix_two_files(host, tmp_path, change):
    host.cut_after = 1_000_000
    if change == "no mark":
        host.etag = ""
    with pytest.raises(RealDataError, match="ended after"):
        download([movie(host, None)], tmp_path)
    host.cut_after = None
    if change == "new file":
        host.files["/movie.bin"], host.etag = BYTES[::-1], '"two"'
    host.ranges = change != "no ranges"
    download([movie(host, None)], tmp_path)
    assert (tmp_path / "sub" / "movie.bin").read_bytes() == host.files["/movie.bin"]


def test_another_checksum_is_an_error_and_nothing_is_kept(host, tmp_path):
    host.files["/movie.bin"] = BYTES[:-1] + b"\0"
    with pytest.raises(RealDataError, match=r"does not have the checksum that its host publishes \(sha256:"):
        download([movie(host)], tmp_path)
    assert list((tmp_path / "sub").iterdir()) == []


def test_a_damaged_file_on_disk_is_downloaded_again(host, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "movie.bin").write_bytes(b"damaged")
    download([movie(host)], tmp_path)
    assert (tmp_path / "sub" / "movie.bin").read_bytes() == BYTES


def test_a_disk_that_is_too_small_is_told_before_anything_is_asked(host, tmp_path):
    with pytest.raises(DiskTooSmall):
        download([replace(movie(host), size_bytes=2**60)], tmp_path)
    assert host.asked == []


def test_what_is_missing_is_an_error_unless_it_may_be(host, tmp_path):
    gone = RemoteFile(path="c/0", url=f"{host.address}/c/0", size_bytes=1, at_most=True)
    with pytest.raises(RealDataError, match="answers 404 Not Found; try again later"):
        download([gone], tmp_path)
    assert download([replace(gone, optional=True)], tmp_path) == ()


def test_without_a_network_it_says_so(tmp_path):
    away = RemoteFile(path="a", url="http://127.0.0.1:9/a", size_bytes=1)
    with pytest.raises(RealDataError, match=r"127\.0\.0\.1:9 cannot be reached .*makes data like it"):
        download([away], tmp_path)
    with pytest.raises(RealDataError, match="is no address on the web"):
        download([replace(away, url="file:///etc/passwd")], tmp_path)


# --- what hosts say -----------------------------------------------------------------------------------------------------


def zenodo(host, key="heart.zip"):
    """A record as zenodo's API describes it."""
    record = {
        "metadata": {"license": {"id": "cc-by-4.0"}},
        "files": [{"key": key, "size": len(BYTES), "checksum": MD5, "links": {"self": f"{host.address}/movie.bin"}}],
    }
    host.files["/api/records/1"] = json.dumps(record).encode()
    return RealData(
        name="heart", summary="a heart", page="p", index=f"{host.address}/api/records/1", kind="zenodo", licence=None
    )


def test_zenodo_tells_names_sizes_checksums_and_the_licence(host, tmp_path):
    found = listing(zenodo(host))
    assert found.licence == "cc-by-4.0"
    (file,) = found.files
    assert (file.path, file.size_bytes, file.checksum) == ("heart.zip", len(BYTES), MD5)
    download(found.files, tmp_path)
    assert (tmp_path / "heart.zip").read_bytes() == BYTES


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "a/../../b", "C:evil", "a\\b", ""])
def test_a_host_does_not_choose_where_we_write(host, path):
    with pytest.raises(RealDataError, match="lead out of the data folder; nothing was taken"):
        listing(zenodo(host, path))


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"files": 3}', b"<html>", b'{"files": [{}]}'])
def test_an_answer_that_is_none_points_to_the_page(host, answer):
    what = zenodo(host)
    host.files["/api/records/1"] = answer
    with pytest.raises(RealDataError, match=r"does not answer as it did .*look at p"):
        listing(what)


def test_dandi_tells_all_pages_and_a_checksum_for_what_is_downloaded(host, tmp_path):
    where = "/api/dandisets/000402/versions/0/assets/"
    pages = [
        {
            "results": [{"path": "sub/movie.bin", "size": len(BYTES), "asset_id": "a1"}],
            "next": f"{host.address}{where}two",
        },
        {"results": [{"path": "sub/other.nwb", "size": 5, "asset_id": "a2"}], "next": None},
    ]
    host.files[where], host.files[f"{where}two"] = (json.dumps(page).encode() for page in pages)
    host.files[f"{where}a1/"] = json.dumps({"digest": {"dandi:sha2-256": SHA256.removeprefix("sha256:")}}).encode()
    host.files["/api/assets/a1/download/"] = BYTES
    index = f"{host.address}{where}?page_size=100"
    found = listing(RealData(name="m", summary="s", page="p", index=index, kind="dandi", licence="CC-BY-4.0"))
    assert [(file.path, file.size_bytes, file.checksum) for file in found.files] == [
        ("sub/movie.bin", len(BYTES), None),
        ("sub/other.nwb", 5, None),
    ]
    assert download(choose(found.files, ["movie.*"]), tmp_path) == (tmp_path / "sub" / "movie.bin",)
    assert (tmp_path / "sub" / "movie.bin").read_bytes() == BYTES
    host.files["/api/assets/a1/download/"] = BYTES[1:]
    with pytest.raises(RealDataError, match="does not have the checksum"):
        download(choose(found.files, ["movie.*"]), tmp_path / "again")


@pytest.mark.parametrize("shards", [None, (4, 8, 8)])
def test_an_ome_zarr_on_the_web_is_copied_level_by_level_without_its_chunks_of_zeros(host, tmp_path, shards):
    group = zarr.create_group(tmp_path / "web.zarr", zarr_format=3)
    volume = np.zeros((9, 8, 11), np.uint16)
    volume[:4] = 7
    for level, step in enumerate((1, 2)):
        array = group.create_array(str(level), data=volume[:, ::step, ::step], chunks=(4, 4, 4), shards=shards)
        assert array.nchunks > 4
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"datasets": [{"path": "0"}, {"path": "1"}]}]}
    for path in (tmp_path / "web.zarr").rglob("*"):
        if path.is_file():
            host.files[f"/{path.relative_to(tmp_path).as_posix()}"] = path.read_bytes()
    what = RealData(
        name="idr", summary="s", page="p", index=f"{host.address}/web.zarr", kind="zarr", licence="CC BY 4.0"
    )
    found = listing(what)
    assert all(file.at_most for file in found.files)
    coarse = choose(found.files, ["zarr.json", "1/*"])
    done = download(coarse, tmp_path / "copy")
    assert len(done) < len(coarse), "chunks of zeros are not there"
    copy = zarr.open_group(tmp_path / "copy", mode="r")
    assert np.array_equal(copy["1"][:], volume[:, ::2, ::2])
    download(found.files, tmp_path / "copy")
    assert np.array_equal(copy["0"][:], volume)
    assert all(
        (tmp_path / "copy" / file.path).stat().st_size <= file.size_bytes for file in found.files if not file.optional
    )


# --- the command --------------------------------------------------------------------------------------------------------


@pytest.fixture
def offered(host, tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOGRADE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(real, "REAL_DATA", MappingProxyType({"heart": zenodo(host)}))
    return tmp_path / "data" / "real" / "heart" / "heart.zip"


def call(*arguments, answer=None):
    return CliRunner().invoke(main, ["data", *arguments], input=answer)


def test_the_command_lists_what_there_is_without_asking_anybody():
    done = call("--real")
    assert done.exit_code == 0
    assert "CC-BY-4.0; https://dandiarchive.org/dandiset/000402" in done.stdout
    assert [one["name"] for one in json.loads(call("--real", "list", "--format", "json").stdout)] == list(REAL_DATA)


def test_licence_and_size_are_shown_and_nothing_is_downloaded_until_one_says_so(offered, host):
    done = call("--real", "heart")
    assert done.exit_code == 0, done.output
    assert "licence: cc-by-4.0" in done.stderr
    assert "1 files, 2.86 MiB, into" in done.stderr
    assert "nothing downloaded" in done.stderr
    refused = call("--real", "heart", "--file", "*.zip", answer="n\n")
    assert refused.exit_code == 0
    assert not offered.exists()
    assert {path for path, _ in host.asked} == {"/api/records/1"}
    taken = call("--real", "heart", "--file", "*.zip", answer="y\n")
    assert taken.exit_code == 0, taken.output
    assert offered.read_bytes() == BYTES
    assert call("--real", "heart", "--remove").exit_code == 0
    assert not offered.exists()


def test_wrong_names_and_a_network_that_is_away_are_wrong_use(offered, monkeypatch):
    assert "no real data 'haert'; there is heart" in call("--real", "haert").stderr
    done = call("--real", "heart", "--file", "*.tif", "--yes")
    assert done.exit_code == 2
    assert "has no file like *.tif" in done.stderr
    away = replace(real.REAL_DATA["heart"], index="http://127.0.0.1:9/api/records/1")
    monkeypatch.setattr(real, "REAL_DATA", {"heart": away})
    done = call("--real", "heart")
    assert done.exit_code == 2
    assert "cannot be reached" in done.stderr
