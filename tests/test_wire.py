"""Data crosses unchanged; whatever else comes back is refused with a SubmissionError, and never runs anything."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import socket
import struct
import threading
import time
from pathlib import Path

import dask.array as da
import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from autograde.errors import SubmissionError
from autograde.wire import BadTree, Closed, Connection, TimedOut, check_zarr_tree, pack, unpack

MIB = 2**20


def there_and_back(value):
    buffers = []
    tree = json.loads(json.dumps(pack(value, buffers)))
    return unpack(tree, [bytearray(buffer) for buffer in buffers])


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        0,
        -17,
        10**40,
        0.1,
        "",
        "naïve ☃ \0 'quoted'",
        b"\x00\xff",
        3 + 4j,
        [],
        [1, [2.5, ["x"]]],
        (1, (2,), []),
        {1, 2},
        frozenset({"a"}),
        {"a": 1, 2: [3], (4, 5): None},
        slice(1, None, -2),
        range(3, 30, 7),
        ...,
        Path("/tmp/a b"),
        np.dtype("<u2"),
    ],
    ids=repr,
)
def test_plain_values_come_back_equal_and_of_the_same_type(value):
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 5e-324])
def test_extreme_numbers_come_back(value):
    assert there_and_back(value) == value


def test_not_a_number_comes_back_as_itself():
    assert there_and_back(float("nan")) != there_and_back(float("nan"))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype="<u2").reshape(2, 3, 4),
        np.arange(24, dtype=">f4").reshape(4, 6)[::2, ::3],  # not contiguous
        np.zeros((0, 3), bool),
        np.array(7.5),
        np.array([1 + 2j]),
        np.array(["a", "long text"]),
        np.array([b"ab"]),
        np.array(["2020-01-01", "NaT"], "datetime64[D]"),
        np.array([3], "timedelta64[ms]"),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_come_back_with_shape_and_dtype(array):
    back = there_and_back(array)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_numpy_scalars_stay_numpy_scalars():
    back = there_and_back(np.float32(1.5))
    assert back == 1.5
    assert type(back) is np.float32


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_nest_of_plain_values_comes_back(value):
    assert there_and_back(value) == value


class AlwaysEqual:
    def __eq__(self, other):
        return True

    __hash__ = None


class Cheating(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class Listed(list):
    pass


@pytest.mark.parametrize("value", [AlwaysEqual(), AlwaysEqual, lambda: 1, Listed([1]), (n for n in [1]), open, socket])
def test_an_object_with_a_mind_of_its_own_does_not_cross(value):
    with pytest.raises(SubmissionError, match=r"which cannot be judged. Return what its docstring says"):
        pack([value], [])


def test_a_subclass_of_a_number_crosses_as_the_plain_number():
    back = there_and_back(Cheating(2.5))
    assert type(back) is float
    assert back != 7


def test_an_array_subclass_crosses_as_a_plain_array():
    class Equal(np.ndarray):
        def __eq__(self, other):
            return True

    assert type(there_and_back(np.arange(3).view(Equal))) is np.ndarray


@pytest.mark.parametrize("dtype", [object, [("a", "<i4")], "V3"])
def test_an_array_of_anything_but_numbers_and_texts_does_not_cross(dtype):
    with pytest.raises(SubmissionError, match="cannot be judged; numbers, booleans or texts can"):
        pack(np.zeros(2, dtype), [])


def test_a_value_nested_too_deeply_is_refused_and_does_not_end_python():
    value = []
    for _ in range(1000):
        value = [value]
    with pytest.raises(SubmissionError, match="nested too deeply"):
        pack(value, [])


def test_a_value_that_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(SubmissionError, match="nested too deeply"):
        pack(value, [])


def test_a_zarr_array_in_a_folder_crosses_as_its_place(tmp_path):
    array = zarr.create_array(store=tmp_path / "a.zarr", shape=(4,), chunks=(2,), dtype="uint16")
    assert pack(array, []) == {"k": "zarr", "node": "array", "root": str(tmp_path / "a.zarr"), "path": ""}


def test_a_zarr_array_in_memory_does_not_cross():
    with pytest.raises(SubmissionError, match="MemoryStore cannot be judged; one in a folder can"):
        pack(zarr.create_array(store={}, shape=(4,), dtype="uint16"), [])


def test_a_dask_array_stays_and_a_handle_crosses():
    kept = []

    def keep(value):
        kept.append(value)
        return 13

    tree = pack(da.ones((4, 6), chunks=(2, 3), dtype="uint16"), [], keep=keep)
    assert tree == {"k": "dask", "handle": 13, "shape": [4, 6], "chunks": [[2, 2], [3, 3]], "dtype": "<u2"}
    assert len(kept) == 1


# --- what nobody honest sends ---------------------------------------------------------------------------------------

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["<u2", "O", "|V8", "<U999999", "M8[s]", "inf", "9" * 50, "../..", "__class__"])
)
KINDS = st.sampled_from(
    [
        "list",
        "tuple",
        "set",
        "frozenset",
        "dict",
        "float",
        "complex",
        "bytes",
        "array",
        "scalar",
        "path",
        "slice",
        "range",
        "ellipsis",
        "dtype",
        "zarr",
        "dask",
        "object",
    ]
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["k", "v", "b", "dtype", "shape"]), inner, max_size=5)
        | st.fixed_dictionaries({"k": KINDS, "v": inner})
        | st.fixed_dictionaries(
            {
                "k": st.sampled_from(["array", "scalar"]),
                "dtype": LEAVES,
                "shape": st.lists(LEAVES, max_size=3),
                "b": LEAVES,
            }
        )
    ),
    max_leaves=12,
)


@given(TREES, st.lists(st.binary(max_size=64).map(bytearray), max_size=3))
def test_any_json_tree_gives_a_value_or_a_submission_error(tree, buffers):
    with contextlib.suppress(SubmissionError):
        unpack(tree, buffers)


@pytest.mark.parametrize(
    "tree",
    [
        {"k": "array", "dtype": "|O", "shape": [1], "b": 0},
        {"k": "array", "dtype": "<u1", "shape": [2**62], "b": 0},
        {"k": "array", "dtype": "<u1", "shape": [-1, -1], "b": 0},
        {"k": "array", "dtype": "<u8", "shape": [4], "b": 0},
        {"k": "array", "dtype": "<u1", "shape": [4], "b": 17},
        {"k": "array", "dtype": "f4,O", "shape": [4], "b": 0},
        {"k": "array", "dtype": "<U0", "shape": [4], "b": 0},
        {"k": "dtype", "v": "O"},
        {"k": "set", "v": [{"k": "list", "v": []}]},
        {"k": "dict", "v": [[1]]},
        {"k": "range", "v": [1, 2, 0]},
        {"k": "pickle", "v": "gASVHgAAAA=="},
        {"k": ["list"], "v": []},
        {"v": []},
        {"k": "zarr", "root": "/"},  # nobody to open it
        [1],
        {"k": "float", "v": "x"},
    ],
    ids=json.dumps,
)
def test_a_tree_that_pack_does_not_make_is_refused(tree):
    with pytest.raises(SubmissionError, match=r"not well formed|cannot be judged"):
        unpack(tree, [bytearray(b"abcd")])


def test_a_tree_nested_too_deeply_is_refused():
    tree = {"k": "list", "v": []}
    for _ in range(5000):
        tree = {"k": "list", "v": [tree]}
    with pytest.raises(SubmissionError, match="nested too deeply"):
        unpack(tree, [])


def test_a_range_is_not_spread_out_and_has_an_end():
    assert unpack({"k": "range", "v": [0, 10**12, 10**6]}, []) == range(0, 10**12, 10**6)
    with pytest.raises(SubmissionError, match="a range of more than 10000000 numbers cannot be judged"):
        unpack({"k": "range", "v": [0, 2**60, 1]}, [])


@pytest.mark.parametrize("kind", [{"k": "bytes"}, {"k": "array", "dtype": "|u1", "shape": [3]}])
def test_bytes_that_are_sent_once_are_used_once(kind):
    """A thousand values that share a buffer would be a thousand copies of it in the judge."""
    part = kind | {"b": 0}
    assert unpack(part, [bytearray(b"abc")]) is not None
    with pytest.raises(SubmissionError, match="not well formed"):
        unpack({"k": "list", "v": [part, part]}, [bytearray(b"abc")])


# --- messages ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def pair():
    one, two = socket.socketpair()
    with one, two:
        yield Connection(one), two


def test_a_message_comes_over_whole(pair):
    ours, raw = pair
    theirs = Connection(raw)
    big = os.urandom(3 * MIB)
    sender = threading.Thread(target=theirs.send, args=({"op": "x", "text": "☃"}, [b"", b"ab", big]))
    sender.start()
    header, buffers = ours.receive()
    sender.join()
    assert header["text"] == "☃"
    assert [bytes(buffer) for buffer in buffers] == [b"", b"ab", big]


def frame(head: bytes, *, magic: bytes = b"AGW1", body: int = 0, head_bytes: int | None = None) -> bytes:
    return struct.pack(">4sIQ", magic, len(head) if head_bytes is None else head_bytes, body) + head


@pytest.mark.parametrize(
    "data",
    [
        frame(b"{}", magic=b"HTTP"),
        frame(b"{}"),
        frame(b"[]"),
        frame(b"not json"),
        frame(b"\xff\xfe"),
        frame(b'{"sizes": 3}'),
        frame(b'{"sizes": [1]}'),
        frame(b'{"sizes": [-1, 1]}'),
        frame(b'{"sizes": [true]}', body=1),
        frame(b'{"sizes": [0.0]}'),
        frame(b'{"sizes": [1e999]}'),
        frame(b"[" * 100_000),
        frame(pickle.dumps({"sizes": []})),
        frame(b"", head_bytes=2**32 - 1),
    ],
    ids=range(14),
)
def test_a_message_that_is_not_well_formed_is_refused(pair, data):
    ours, raw = pair
    sender = threading.Thread(target=raw.sendall, args=(data,))
    sender.start()
    with pytest.raises(SubmissionError, match="the answer is not well formed"):
        ours.receive(deadline=time.monotonic() + 60)
    sender.join()


@given(st.binary(max_size=200))
def test_any_bytes_give_a_submission_error_or_an_end(data):
    one, two = socket.socketpair()
    with one, two:
        two.sendall(data)
        two.close()
        with pytest.raises((SubmissionError, Closed)):
            Connection(one).receive(deadline=time.monotonic() + 60)


@given(st.binary(max_size=60), st.integers(0, 300))
def test_any_header_gives_a_message_a_submission_error_or_an_end(head, body):
    one, two = socket.socketpair()
    with one, two:
        two.sendall(frame(head, body=body))
        two.close()
        with pytest.raises((SubmissionError, Closed)):
            Connection(one).receive(deadline=time.monotonic() + 60)


def test_an_answer_that_is_too_large_is_refused_before_it_is_read(pair):
    ours, raw = pair
    raw.sendall(frame(b"{}", body=5 * 2**40))
    with pytest.raises(SubmissionError, match=r"the answer has 5242880 MiB; at most 1024 MiB are taken"):
        ours.receive(deadline=time.monotonic() + 60)


def test_the_allowed_size_may_be_smaller(pair):
    ours, raw = pair
    raw.sendall(frame(b"{}", body=2 * MIB))
    with pytest.raises(SubmissionError, match=r"the answer has 2 MiB; at most 1 MiB are taken"):
        ours.receive(max_body_bytes=MIB)


def test_silence_is_told_at_the_deadline(pair):
    ours, raw = pair
    raw.sendall(b"AGW")  # the beginning of something
    with pytest.raises(TimedOut):
        ours.receive(deadline=time.monotonic() + 0.05)


def test_the_end_of_the_other_side_is_told_to_reader_and_writer(pair):
    ours, raw = pair
    raw.close()
    with pytest.raises(Closed):
        ours.receive()
    with pytest.raises(Closed):
        ours.send({"op": "x"}, [b"x" * MIB])


# --- zarr folders -----------------------------------------------------------------------------------------------------


def meta(folder, **changes):
    """A zarr 3 array by hand, with changes to its metadata."""
    folder.mkdir()
    known = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [4, 6],
        "data_type": "uint16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": {},
    }
    (folder / "zarr.json").write_text(json.dumps(known | changes))
    return folder


def test_what_zarr_3_writes_by_default_is_accepted(tmp_path):
    array = zarr.create_array(store=tmp_path / "a.zarr", shape=(40, 60), chunks=(10, 20), dtype="uint16")
    array[:] = 7
    check_zarr_tree(tmp_path / "a.zarr")


def test_the_metadata_by_hand_would_be_accepted(tmp_path):
    check_zarr_tree(meta(tmp_path / "a.zarr"))


@pytest.mark.parametrize(
    "options",
    [
        {"shards": (20, 40)},
        {"compressors": zarr.codecs.BloscCodec(cname="lz4", shuffle="bitshuffle")},
        {"compressors": zarr.codecs.GzipCodec()},
        {"compressors": None},
        {"compressors": zarr.codecs.BloscCodec(), "shards": (20, 40)},
        {"filters": [zarr.codecs.TransposeCodec(order=(1, 0))]},
        {"zarr_format": 2},
        {"zarr_format": 2, "compressors": numcodecs.Blosc(), "filters": [numcodecs.Delta("<u2")]},
        {"zarr_format": 2, "compressors": None},
        {"dimension_names": ("y", "x"), "fill_value": 3},
    ],
    ids=["sharding", "blosc", "gzip", "raw", "sharded blosc", "transpose", "v2", "v2 delta", "v2 raw", "names"],
)
def test_a_usual_way_to_write_an_array_is_accepted(tmp_path, options):
    array = zarr.create_array(store=tmp_path / "a.zarr", shape=(40, 60), chunks=(10, 20), dtype="uint16", **options)
    array[:] = 7
    check_zarr_tree(tmp_path / "a.zarr")


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float64", "complex64"])
def test_every_number_is_accepted(tmp_path, dtype):
    zarr.create_array(store=tmp_path / "a.zarr", shape=(4,), dtype=dtype)
    check_zarr_tree(tmp_path / "a.zarr")


def test_a_group_with_attributes_and_consolidated_metadata_is_accepted(tmp_path):
    for version in (2, 3):
        root = tmp_path / f"v{version}.zarr"
        group = zarr.open_group(root, mode="w", zarr_format=version)
        group.create_array("0", shape=(4,), dtype="uint16")
        group.attrs["ome"] = {"version": "0.5", "shape": "O"}
        if version == 2:
            zarr.consolidate_metadata(root, zarr_format=2)
        check_zarr_tree(root)


def test_a_folder_that_does_not_exist_is_left_to_the_test(tmp_path):
    check_zarr_tree(tmp_path / "nothing.zarr")


def test_a_link_to_a_secret_is_refused_by_name(tmp_path):
    folder = meta(tmp_path / "a.zarr")
    (folder / "c").symlink_to("/etc/passwd")
    with pytest.raises(SubmissionError, match="c is a link; data has to be written as files of its own"):
        check_zarr_tree(folder)


def test_a_folder_that_is_itself_a_link_is_refused(tmp_path):
    (tmp_path / "b.zarr").symlink_to(meta(tmp_path / "a.zarr"))
    with pytest.raises(SubmissionError, match=r"b\.zarr is a link"):
        check_zarr_tree(tmp_path / "b.zarr")


def test_a_linked_folder_and_a_dangling_link_are_refused(tmp_path):
    for name, target in (("one", "/etc"), ("two", "/nowhere")):
        folder = meta(tmp_path / f"{name}.zarr")
        (folder / "c").symlink_to(target)
        with pytest.raises(SubmissionError, match="c is a link"):
            check_zarr_tree(folder)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    folder = meta(tmp_path / "a.zarr")
    os.mkfifo(folder / "c")
    with pytest.raises(SubmissionError, match="c is not a regular file"):
        check_zarr_tree(folder)


REFUSED = {
    "objects": ({"data_type": "object"}, "dtype 'object' cannot be judged"),
    "texts of any length": ({"data_type": "string"}, "dtype 'string' cannot be judged"),
    "bytes of any length": ({"data_type": "variable_length_bytes"}, "cannot be judged"),
    "an extension type": ({"data_type": {"name": "mine", "configuration": {}}}, "cannot be judged"),
    "no type": ({"data_type": None}, "dtype None cannot be judged"),
    "an unknown codec": ({"codecs": [{"name": "evil"}]}, "codec 'evil' cannot be judged; use one that every"),
    "pickle": ({"codecs": [{"name": "numcodecs.pickle"}]}, r"codec 'numcodecs\.pickle' cannot be judged"),
    "an unknown codec inside shards": (
        {"codecs": [{"name": "sharding_indexed", "configuration": {"codecs": [{"name": "evil"}]}}]},
        "codec 'evil'",
    ),
    "an unknown codec of a shard's index": (
        {"codecs": [{"name": "sharding_indexed", "configuration": {"index_codecs": [{"name": "evil"}]}}]},
        "codec 'evil'",
    ),
    "a petabyte": ({"shape": [2**20, 2**20, 2**20]}, "is larger than anything in this course"),
    "codecs that are no list": ({"codecs": 3}, "is not zarr metadata"),
    "an infinite shape": ({"shape": [float("inf")]}, "is not zarr metadata"),
    "a shape that is no list": ({"shape": "big"}, "is not zarr metadata"),
    "an array hidden in consolidated metadata": (
        {"consolidated_metadata": {"metadata": {"x": {"shape": [1], "data_type": "object"}}}},
        "dtype 'object' cannot be judged",
    ),
}


@pytest.mark.parametrize(("changes", "words"), REFUSED.values(), ids=REFUSED)
def test_refused_before_it_is_opened_is(tmp_path, changes, words):
    with pytest.raises(SubmissionError, match=words) as refused:
        check_zarr_tree(meta(tmp_path / "a.zarr", **changes))
    assert "a.zarr" in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "3", "[" * 100_000, '"text"', "\x00"])
def test_metadata_that_is_not_metadata_is_refused(tmp_path, text):
    folder = meta(tmp_path / "a.zarr")
    (folder / "zarr.json").write_text(text)
    with pytest.raises(SubmissionError, match=r"zarr\.json in a\.zarr is not zarr metadata"):
        check_zarr_tree(folder)


def test_huge_metadata_is_refused_unread(tmp_path):
    folder = meta(tmp_path / "a.zarr")
    with (folder / "zarr.json").open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(SubmissionError, match="is larger than metadata can be"):
        check_zarr_tree(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dtype": "|O", "filters": [{"id": "pickle"}]}, "dtype"),
        ({"dtype": "|O", "filters": [{"id": "vlen-utf8"}]}, "dtype"),
        ({"filters": [{"id": "pickle", "protocol": 5}]}, "codec 'pickle'"),
        ({"compressor": {"id": "evil"}}, "codec 'evil'"),
        ({"dtype": [["a", "<i4"]]}, "dtype"),
    ],
)
def test_the_same_holds_for_zarr_2(tmp_path, changes, words):
    known = {
        "zarr_format": 2,
        "shape": [4],
        "chunks": [4],
        "dtype": "<u2",
        "fill_value": 0,
        "order": "C",
        "filters": None,
        "compressor": None,
    }
    folder = tmp_path / "a.zarr"
    folder.mkdir()
    (folder / ".zarray").write_text(json.dumps(known))
    check_zarr_tree(folder)
    (folder / ".zarray").write_text(json.dumps(known | changes))
    with pytest.raises(SubmissionError, match=words):
        check_zarr_tree(folder)
    (folder / ".zarray").write_text(json.dumps(known))
    (folder / ".zmetadata").write_text(json.dumps({"metadata": {"x/.zarray": known | changes}}))
    with pytest.raises(SubmissionError, match=words):
        check_zarr_tree(folder)


@given(TREES)
def test_any_metadata_gives_nothing_or_a_submission_error(tmp_path_factory, tree):
    folder = tmp_path_factory.mktemp("zarr") / "a.zarr"
    folder.mkdir()
    (folder / "zarr.json").write_text(json.dumps({"shape": [1], "data_type": "uint8", "codecs": tree}))
    with contextlib.suppress(SubmissionError):
        check_zarr_tree(folder)


@pytest.mark.parametrize("dtype", ["uint8", "float64", "bool", "complex128"])
def test_a_chunk_that_would_not_fit_into_memory_is_refused_and_named_for_removal(tmp_path, dtype):
    zarr.create_array(tmp_path / "a.zarr", shape=(100,), chunks=(2**40,), dtype=dtype)
    with pytest.raises(
        BadTree, match=r"chunks of \[1099511627776\] are too large to be read: at most 1024 MiB"
    ) as caught:
        check_zarr_tree(tmp_path)
    assert caught.value.path == tmp_path / "a.zarr" / "zarr.json"
    zarr.create_array(tmp_path / "b.zarr", shape=(100,), chunks=(2**40,), dtype=dtype, zarr_format=2)
    with pytest.raises(BadTree, match="too large to be read"):
        check_zarr_tree(tmp_path / "b.zarr")
