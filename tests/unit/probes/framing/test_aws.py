"""AWS event streams are read as they were written, however they are cut, and damage is seen."""

import base64
import json
import struct
import uuid
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.framing.aws import (
    ChunkStream,
    EventStream,
    Message,
    MessageReader,
    PayloadStream,
    Value,
    write_chunk,
    write_error,
    write_event,
    write_exception,
    write_message,
)
from probes.framing.base import CutError, Event, Frames, FramingError

VALUES = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.binary(max_size=20)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.uuids()
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
MESSAGES = st.lists(st.tuples(st.dictionaries(NAMES, VALUES, max_size=4), st.binary(max_size=40)), max_size=5)


def read(data: bytes, *cuts: int) -> list[Message]:
    reader, start = MessageReader(), 0
    found: list[Message] = []
    for cut in (*sorted(cuts), len(data)):
        found += reader.feed(data[start:cut])
        start = max(start, cut)
    return found


def events(frames: Frames, *pieces: bytes) -> list[Event]:
    found = [event for piece in pieces for event in frames.feed(piece)]
    return [*found, *frames.flush()]


@given(MESSAGES, st.lists(st.integers(0, 400), max_size=6))
def test_what_was_written_is_read_however_it_is_cut(
    written: list[tuple[dict[str, Value], bytes]], cuts: list[int]
) -> None:
    data = b"".join(write_message(headers, payload) for headers, payload in written)
    assert read(data, *(min(cut, len(data)) for cut in cuts)) == [Message(*each) for each in written]


def test_every_split_of_a_stream_gives_the_same() -> None:
    data = write_event("a", b"one") + write_exception("b", "two") + write_error("c", "three")
    whole = read(data)
    assert [(message.kind, message.failed) for message in whole] == [("a", False), ("b", True), ("c", True)]
    for at in range(len(data) + 1):
        assert read(data, at) == whole
    assert read(data, *range(len(data))) == whole


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("000000100000000005c248eb7d98c8ff", Message({}, b"")),
        ("0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936", Message({}, b"{'foo':'bar'}")),
    ],
)
def test_the_vectors_of_the_format_are_read_and_written(data: str, expected: Message) -> None:
    assert read(bytes.fromhex(data)) == [expected]
    assert write_message(expected.headers, expected.payload).hex() == data


def with_headers(block: bytes) -> bytes:
    """Return a message whose block of headers is as given."""
    lengths = struct.pack(">II", 16 + len(block), len(block))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + block
    return message + struct.pack(">I", zlib.crc32(message))


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        (b"\x00", True),
        (b"\x01", False),
        (b"\x02\xff", -1),
        (b"\x03\x80\x00", -(2**15)),
        (b"\x04\x00\x00\x01\x00", 256),
        (b"\x05" + b"\x7f" + b"\xff" * 7, 2**63 - 1),
        (b"\x06\x00\x02\xff\x00", b"\xff\x00"),
        (b"\x07\x00\x03\xc3\xb6!", "ö!"),
        (b"\x08" + (1_700_000_000_000).to_bytes(8, "big"), 1_700_000_000_000),
        (b"\x09" + bytes(range(16)), uuid.UUID(bytes=bytes(range(16)))),
    ],
)
def test_every_type_of_header_is_read_and_the_one_behind_it_found(typed: bytes, value: Value) -> None:
    data = with_headers(b"\x01x" + typed + b"\x01y\x00")
    assert read(data) == [Message({"x": value, "y": True}, b"")]


@pytest.mark.parametrize(
    "block",
    [b"\x05ab", b"\x01x", b"\x01x\x04\x00", b"\x01x\x07\x00\x09ab", b"\x01x\x0a", b"\x01x\x07\x00\x01\xff"],
    ids=["name", "no type", "number", "length", "unknown type", "no UTF-8"],
)
def test_headers_that_cannot_be_read_are_said(block: bytes) -> None:
    with pytest.raises(FramingError, match="header"):
        read(with_headers(block))


def test_a_flipped_bit_anywhere_is_seen() -> None:
    data = write_event("chunk", b"pong")
    for at in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            with pytest.raises(FramingError):
                read(bytes(damaged))


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (write_event("x", b"y" * 200), "one message is longer than 150 bytes"),
        (b'data: {"choices":[]}\n\n', 'no AWS event stream: data: {"choi'),
        (b"<html>Sign in</html>", "no AWS event stream: <html>"),
        (struct.pack(">II", 16, 9) + struct.pack(">I", zlib.crc32(struct.pack(">II", 16, 9))), "have 9"),
        (struct.pack(">II", 3, 0) + struct.pack(">I", zlib.crc32(struct.pack(">II", 3, 0))), "of 3 bytes"),
        (b'{"message":"' + b"x" * 200, 'no AWS event stream: {"message"'),
        (write_event("x", b"") * 6, "more than 5 messages"),
    ],
)
def test_what_is_no_event_stream_or_past_a_limit_is_said(data: bytes, wrong: str) -> None:
    with pytest.raises(FramingError, match=wrong.replace("{", r"\{")):
        list(MessageReader(150, most=5).feed(data))


def test_what_is_said_of_a_broken_body_does_not_hang_on_where_reads_cut_it() -> None:
    data = b"data: data: data: data: "
    said = set()
    for cut in range(len(data)):
        reader = MessageReader()
        with pytest.raises(FramingError) as broken:
            list(reader.feed(data[:cut])) + list(reader.feed(data[cut:]))
        said.add(str(broken.value))
    assert said == {"the bytes are no AWS event stream: data: data:"}


def test_messages_before_a_damaged_one_are_kept() -> None:
    found: list[Message] = []
    with pytest.raises(FramingError, match="checksum"):
        found.extend(MessageReader().feed(write_event("a", b"1") + write_event("b", b"2")[:-1] + b"\x00"))
    assert [message.kind for message in found] == ["a"]


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    try:
        read(data)
    except FramingError:
        return


def test_a_failure_is_an_event_by_its_own_name() -> None:
    data = write_exception("throttlingException", "slow down") + write_error("InternalFailure", "gone")
    assert events(EventStream(), data) == [
        Event('{"message": "slow down"}', "throttlingException", failed=True),
        Event('{"message": "gone"}', "InternalFailure", failed=True),
    ]


@pytest.mark.parametrize("frames", [EventStream, ChunkStream, PayloadStream])
def test_a_body_that_ends_within_a_message_is_cut(frames: Callable[[], Frames]) -> None:
    with pytest.raises(CutError):
        events(frames(), write_event("x", b"y")[:-3])
    assert events(frames(), b' {"message":"no"}') == []
    assert events(frames()) == []


def test_chunks_hold_a_models_own_events() -> None:
    padded = json.dumps({"bytes": base64.b64encode(b"[DONE]").decode(), "p": "abcdef"}).encode()
    data = (
        write_chunk('{"type":"message_start"}')
        + write_chunk('{"choices":[],"x":"ö"}')
        + write_event("later", b"?")
        + write_event("chunk", padded)
        + write_exception("modelTimeoutException", "late")
    )
    expected = [
        Event('{"type":"message_start"}', "message_start"),
        Event('{"choices":[],"x":"ö"}'),
        Event("[DONE]"),
        Event('{"message": "late"}', "modelTimeoutException", failed=True),
    ]
    for at in range(len(data) + 1):
        assert events(ChunkStream(), data[:at], data[at:]) == expected


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"bytes":7}', b'{"bytes":"*"}', b'{"bytes":"a"}'])
def test_a_chunk_without_bytes_is_said(payload: bytes) -> None:
    with pytest.raises(FramingError, match="a chunk holds no bytes"):
        events(ChunkStream(), write_event("chunk", payload))


def test_parts_of_a_payload_cut_its_events_anywhere() -> None:
    body = 'data: {"a":"ö"}\r\n\r\n: ping\n\ndata: [DONE]'.encode()
    for at in range(len(body) + 1):
        parts = [
            write_event("PayloadPart", piece, "application/octet-stream") for piece in (body[:at], body[at:])
        ]
        assert events(PayloadStream(), *parts) == [Event('{"a":"ö"}'), Event("[DONE]")]


def test_a_failure_between_parts_ends_them() -> None:
    data = write_event("PayloadPart", b"data: 1\n\nda") + write_exception("ModelStreamError", "broken")
    assert events(PayloadStream(), data) == [
        Event("1"),
        Event('{"message": "broken"}', "ModelStreamError", failed=True),
    ]
