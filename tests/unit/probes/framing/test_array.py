"""An array's elements are found wherever the pieces are cut, and told as soon as they end."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.framing.array import ArrayReader, write_array
from probes.framing.base import FramingError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=6)
    | st.sampled_from(['"', "\\", '\\"', "]},"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def read(pieces: list[bytes], limit: int = 1 << 16) -> list[str]:
    reader = ArrayReader(limit)
    found = [event.data for piece in pieces for event in reader.feed(piece)]
    return [*found, *(event.data for event in reader.flush())]


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 2]), st.booleans())
def test_the_elements_of_any_array_are_found_at_every_split(
    values: list[Any],
    indent: int | None,
    plain: bool,  # noqa: FBT001 - hypothesis passes by name
) -> None:
    """The standard library's own writing of the array is read back, and so is ours."""
    texts = [json.dumps(value, indent=indent, ensure_ascii=plain) for value in values]
    for body in (
        json.dumps(values, indent=indent, ensure_ascii=plain).encode(),
        b"".join(write_array(texts)),
    ):
        for at in range(len(body) + 1):
            assert [json.loads(data) for data in read([body[:at], body[at:]])] == values
        assert [json.loads(data) for data in read([body[at : at + 1] for at in range(len(body))])] == values


def test_an_object_is_told_at_its_brace_and_not_at_the_comma_behind_it() -> None:
    reader = ArrayReader()
    assert list(reader.feed(b'[{"a": [1, "]"]')) == []
    assert [event.data for event in reader.feed(b"}")] == ['{"a": [1, "]"]}']
    assert [event.data for event in reader.feed(b'\r\n,\r\n{"b": 2}')] == ['{"b": 2}']
    assert list(reader.feed(b"\r\n]\r\n")) == []


@pytest.mark.parametrize(
    "body", [b'{"error": {"code": 500}}', b"<html>[]</html>", b"data: [1]\n\n", b" \r\n", b""]
)
def test_a_body_that_is_no_array_holds_no_event(body: bytes) -> None:
    assert read([body]) == []
    assert read([body[:1], body[1:]]) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[{},,{}]", "an element is missing"),
        (b"[,", "an element is missing"),
        (b"[{}}", "an element is missing"),
        (b"[{}] x", "something follows"),
        (b"[{}][{}]", "something follows"),
        (b'[{}]"', "something follows"),
    ],
)
def test_what_breaks_the_array_is_said(body: bytes, says: str) -> None:
    for at in range(len(body)):
        with pytest.raises(FramingError, match=says):
            read([body[:at], body[at:]])


def test_an_element_past_the_limit_is_refused_however_it_comes() -> None:
    """Nested or quoted, whole or in pieces; the elements before it count for nothing."""
    for element in (b'"' + b"x" * 40, b"[" * 40, b'{"a":' + b" " * 40):
        with pytest.raises(FramingError, match="longer than 32 bytes"):
            read([b"[{},", *(element[at : at + 7] for at in range(0, len(element), 7))], limit=32)
    assert len(read([b"[" + b"{}," * 100], limit=32)) == 100


def test_an_element_that_was_cut_is_dropped() -> None:
    assert read([b'[{"a": 1}, {"b": ']) == ['{"a": 1}']
