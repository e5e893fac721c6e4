"""A data card says what a data set is; its mistakes are told in words, all at once."""

from __future__ import annotations

import pytest
import yaml

from data_scripts.data_card import EXAMPLE, CardError, DataCard, card_problems, read_card


def changed(**lines):
    """The example with other lines; None takes a line out."""
    content = yaml.safe_load(EXAMPLE) | lines
    return yaml.safe_dump({name: value for name, value in content.items() if value is not None})


def test_the_example_is_a_card():
    card = read_card(EXAMPLE)
    assert isinstance(card, DataCard)
    assert (card.shape, card.bytes, card.access) == ([40000, 248, 440], 8_729_600_000, "traces")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ({"licence": None}, "licence: missing. Wanted: what others may do with it: CC-BY-4.0"),
        ({"license": "MIT"}, "license: there is no such line in a card; it has title, source, licence"),
        ({"bytes": 8325}, "bytes: 40000 x 248 x 440 x 2 is 8729600000; got 8325. Those are MiB."),
        ({"bytes": 8730}, "got 8730. Those are MB."),
        ({"bytes": 8_729_600_000 * 8}, "Those are bits."),
        ({"bytes": "8.7 GB"}, "bytes: expected a whole number: the product of the shape times"),
        (
            {"shape": "40000 x 248 x 440"},
            "shape: expected a list of whole numbers, one for each axis, such as [40000, 248",
        ),
        ({"shape": [40000, 248]}, "shape: expected 3 values, one for each of ['t', 'y', 'x']; got 2."),
        ({"spacing": []}, "spacing: expected 3 values"),
        ({"spacing": [float("nan"), 1.0, 1.0]}, "spacing: expected numbers above zero, got [nan, 1.0, 1.0]."),
        ({"units": ["s", "um", "um"]}, "units: 'um' for the axis y; expected one of micrometer"),
        ({"axes": ["t", "y", "y"]}, "has a name twice"),
        ({"axes": ["frame", "y", "x"]}, "axes: 'frame' is not known; t (time), z, y, x (space), c, channel are."),
        ({"dtype": "object"}, "dtype: expected uint8, uint16, int16, float32, ...; got 'object'."),
        ({"kind": "Zarr"}, "kind: expected one of tiff, raw, hdf5, video, zarr; got 'Zarr'."),
        ({"access": "everything"}, "access: expected one of frames, traces, both, blocks: what one question reads"),
        ({"chunks": [50000, 1, 1]}, "chunks: 50000 along t is more than there is (40000)."),
        ({"chunks": [1, 1, 440]}, "chunks: one chunk has 880 bytes. Between 128 KiB and 64 MiB works"),
        ({"title": "Movie"}, "title: expected a line that says what it is, 10 to 120 letters; got 'Movie'."),
        (
            {"question": {"a": 1}},
            "question: expected what you want to know from it, in one sentence; got names and values",
        ),
    ],
)
def test_a_mistake_is_told_in_words(lines, words):
    assert any(words in problem for problem in card_problems(changed(**lines))), card_problems(changed(**lines))


def test_all_mistakes_are_told_at_once_and_raised_together():
    text = changed(licence=None, shape="big", colour="red")
    with pytest.raises(
        CardError, match=r"(?s)licence: missing.*colour: there is no such.*shape: expected a list"
    ) as raised:
        read_card(text)
    assert len(raised.value.problems) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "title: Bulb: one plane\n",
            "Line 1 cannot be read as YAML: 'title: Bulb: one plane'. A text with a colon",
        ),
        ("title: a\n\tshape: [1]\n", "Indent with spaces, never with tabs."),
        ("axes: [t, y\n", "a list is [a, b, c]"),
        ("just words", "not a list of `name: value` lines"),
        ("", "not a list of `name: value` lines"),
        ("a: &x [1, 2]\nshape: [*x, *x, *x]\n", "uses & and *"),
        ("x" * 30_000, "a page is enough"),
        ("title: !!python/object/apply:os.system ['true']\n", "cannot be read as YAML"),
    ],
)
def test_what_is_no_card_is_told_in_words(text, words):
    (problem,) = card_problems(text)
    assert words in problem
