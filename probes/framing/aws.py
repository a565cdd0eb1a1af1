"""AWS event streams (`application/vnd.amazon.eventstream`) to and from bytes, and what two services carry in them.

A message is: u32 length of all, u32 length of the headers, u32 CRC of these 8 bytes, headers, payload, u32 CRC of all
before it, big-endian. A header is: u8 length of the name, the name, u8 type, the value.
"""

import base64
import json
import struct
import uuid
import zlib
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from probes.framing.base import EVENT_BYTES, CutError, Event, FramingError
from probes.framing.sse import EventReader
from probes.loose import glimpse, mapping, parsed, string
from probes.target import Workload

Value = bool | int | bytes | str | uuid.UUID

_HEADERS_BYTES: Final = 128 * 1024
"""How much the headers of one message may hold, by AWS's own limit."""

_MESSAGES: Final = 100_000
_MESSAGES_TIMES: Final = 200
"""A body of more messages than both this many and this many times the most tokens is a flood, whatever they hold."""

_PRELUDE = struct.Struct(">III")
_U32 = struct.Struct(">I")
_U16 = struct.Struct(">H")
_NUMBERS: Mapping[int, struct.Struct] = {
    2: struct.Struct(">b"),
    3: struct.Struct(">h"),
    4: struct.Struct(">i"),
    5: struct.Struct(">q"),
    8: struct.Struct(">q"),  # milliseconds since the epoch
}
_TRUE, _FALSE, _LONG, _BYTES, _STRING, _UUID = 0, 1, 5, 6, 7, 9


class Message(NamedTuple):
    """One message: its headers by name, and its payload."""

    headers: Mapping[str, Value]
    payload: bytes

    @property
    def kind(self) -> str:
        """Return what it is called: an event's type, an exception's, or an error's code."""
        header = {"exception": ":exception-type", "error": ":error-code"}.get(self._type, ":event-type")
        return str(self.headers.get(header, ""))

    @property
    def failed(self) -> bool:
        return self._type in {"exception", "error"}

    @property
    def _type(self) -> str:
        return str(self.headers.get(":message-type", "event"))

    def event(self) -> Event:
        """Return it as an event; the data of an error, which has no payload, are like those of an exception."""
        data = self.payload.decode("utf-8", "replace")
        if not data and self.failed:
            data = json.dumps({"message": str(self.headers.get(":error-message", ""))})
        return Event(data, self.kind or None, self.failed)


class MessageReader:
    """Finds the messages in a body that arrives in pieces; both checksums of each are checked."""

    def __init__(self, limit: int = EVENT_BYTES, most: int = _MESSAGES) -> None:
        self._limit = limit
        self._most = most
        self._seen = 0
        self._partial = bytearray()

    def feed(self, piece: bytes) -> Iterator[Message]:
        """Yield the messages that end in this piece; raise `FramingError` at one past a limit, or at none.

        JSON in their place, which is how a refusal looks, is swallowed: whoever reads the body can tell more of it.
        """
        buffer = self._partial
        buffer += piece
        if self._seen == 0 and self._holds_json():
            if len(buffer) > self._limit:
                raise FramingError(f"the bytes are no AWS event stream: {glimpse(buffer)}")
            return
        while len(buffer) >= _PRELUDE.size:
            size, headers_size, checksum = _PRELUDE.unpack_from(buffer)
            if zlib.crc32(buffer[:8]) != checksum:
                # No more of them than are surely here: what is told must not hang on where reads cut.
                raise FramingError(f"the bytes are no AWS event stream: {glimpse(buffer[: _PRELUDE.size])}")
            self._within_limits(size, headers_size)
            if len(buffer) < size:
                return
            message = bytes(buffer[:size])
            del buffer[:size]
            self._seen += 1
            if self._seen > self._most:
                raise FramingError(f"the body has more than {self._most} messages")
            yield _message(message, headers_size)

    def close(self) -> None:
        """Raise `CutError` where a body that was closed in order ended within a message."""
        if self._partial and not self._holds_json():
            raise CutError("the body ends within a message of its event stream")

    def _holds_json(self) -> bool:
        return self._partial[:64].lstrip().startswith((b"{", b"["))

    def _within_limits(self, size: int, headers_size: int) -> None:
        if size > self._limit:
            raise FramingError(f"one message is longer than {self._limit} bytes")
        if headers_size > min(_HEADERS_BYTES, size - _PRELUDE.size - _U32.size):
            raise FramingError(f"the headers of a message of {size} bytes have {headers_size}")


def _message(data: bytes, headers_size: int) -> Message:
    (checksum,) = _U32.unpack_from(data, len(data) - _U32.size)
    if zlib.crc32(data[: -_U32.size]) != checksum:
        raise FramingError("a message was damaged on its way: its checksum does not fit")
    start, end = _PRELUDE.size, _PRELUDE.size + headers_size
    try:
        headers = dict(_headers(data[start:end]))
    except (struct.error, IndexError, UnicodeDecodeError):
        raise FramingError("the headers of a message cannot be read") from None
    return Message(headers, data[end : -_U32.size])


def _headers(data: bytes) -> Iterator[tuple[str, Value]]:
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name = data[at + 1 : name_end].decode()
        kind, at = data[name_end], name_end + 1
        if kind in {_TRUE, _FALSE}:
            yield name, kind == _TRUE
            continue
        if number := _NUMBERS.get(kind):
            yield name, number.unpack_from(data, at)[0]
            at += number.size
            continue
        if kind == _UUID:
            size = 16
        elif kind in {_BYTES, _STRING}:
            (size,) = _U16.unpack_from(data, at)
            at += _U16.size
        else:
            raise FramingError(f"a header has type {kind}, which there is not")
        value = data[at : at + size]
        if len(value) < size:
            raise FramingError("a header ends behind the headers")
        at += size
        yield name, uuid.UUID(bytes=value) if kind == _UUID else value.decode() if kind == _STRING else value


def write_message(headers: Mapping[str, Value], payload: bytes = b"") -> bytes:
    """Return one message's bytes; a whole number is written with 8 bytes.

    >>> [(m.kind, m.payload) for m in MessageReader().feed(write_event("chunk", b"{}"))]
    [('chunk', b'{}')]
    """
    block = b"".join(_written(name, value) for name, value in headers.items())
    size = _PRELUDE.size + len(block) + len(payload) + _U32.size
    lengths = struct.pack(">II", size, len(block))
    message = lengths + _U32.pack(zlib.crc32(lengths)) + block + payload
    return message + _U32.pack(zlib.crc32(message))


def _written(name: str, value: Value) -> bytes:
    match value:
        case bool():
            typed = bytes([_TRUE if value else _FALSE])
        case int():
            typed = bytes([_LONG]) + _NUMBERS[_LONG].pack(value)
        case uuid.UUID():
            typed = bytes([_UUID]) + value.bytes
        case bytes():
            typed = bytes([_BYTES]) + _U16.pack(len(value)) + value
        case str():
            text = value.encode()
            typed = bytes([_STRING]) + _U16.pack(len(text)) + text
    return bytes([len(name.encode())]) + name.encode() + typed


def write_event(kind: str, payload: bytes, content_type: str = "application/json") -> bytes:
    """Return an event message's bytes."""
    headers = {":event-type": kind, ":content-type": content_type, ":message-type": "event"}
    return write_message(headers, payload)


def write_exception(kind: str, message: str) -> bytes:
    """Return the bytes of an exception that the service model names."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return write_message(headers, json.dumps({"message": message}).encode())


def write_error(code: str, message: str) -> bytes:
    """Return the bytes of an error that the service model does not name."""
    return write_message({":error-code": code, ":error-message": message, ":message-type": "error"})


def write_chunk(inner: str) -> bytes:
    """Return the bytes of a `chunk` message, as Bedrock carries a model's own event."""
    payload = json.dumps({"bytes": base64.b64encode(inner.encode()).decode()})
    return write_event("chunk", payload.encode())


class EventStream:
    """The messages as events, by the names of their types."""

    def __init__(self, limit: int = EVENT_BYTES, most: int = _MESSAGES) -> None:
        self._messages = MessageReader(limit, most)

    def feed(self, piece: bytes) -> Iterator[Event]:
        for message in self._messages.feed(piece):
            yield message.event()

    def flush(self) -> Iterator[Event]:
        self._messages.close()
        return iter(())


class ChunkStream(EventStream):
    """The model's own events in Bedrock's `chunk` messages, by their own `type` where they have one."""

    def feed(self, piece: bytes) -> Iterator[Event]:
        for message in self._messages.feed(piece):
            if message.failed:
                yield message.event()
            elif message.kind == "chunk":
                yield _inner(message.payload)


def _inner(payload: bytes) -> Event:
    try:
        inner = base64.b64decode(mapping(parsed(payload))["bytes"], validate=True)
    except (KeyError, TypeError, ValueError):
        raise FramingError(f"a chunk holds no bytes: {glimpse(payload)}") from None
    data = inner.decode("utf-8", "replace")
    return Event(data, string(mapping(parsed(data)).get("type")) or None)


class PayloadStream(EventStream):
    """The server-sent events of a container in SageMaker's `PayloadPart` messages, which cut them anywhere."""

    def __init__(self, limit: int = EVENT_BYTES, most: int = _MESSAGES) -> None:
        super().__init__(limit, most)
        self._events = EventReader(limit, lines=most)

    def feed(self, piece: bytes) -> Iterator[Event]:
        for message in self._messages.feed(piece):
            if message.failed:
                yield message.event()
            elif message.kind == "PayloadPart":
                yield from self._events.feed(message.payload)

    def flush(self) -> Iterator[Event]:
        yield from super().flush()
        yield from self._events.flush()


def event_frames(workload: Workload, event_bytes: int) -> EventStream:
    """Return the messages as events, under the limits of an answer."""
    return EventStream(event_bytes, _most(workload))


def chunk_frames(workload: Workload, event_bytes: int) -> ChunkStream:
    """Return the events of a model that Bedrock invokes, under the limits of an answer."""
    return ChunkStream(event_bytes, _most(workload))


def payload_frames(workload: Workload, event_bytes: int) -> PayloadStream:
    """Return the events of a container that SageMaker invokes, under the limits of an answer."""
    return PayloadStream(event_bytes, _most(workload))


def _most(workload: Workload) -> int:
    return max(_MESSAGES, _MESSAGES_TIMES * workload.max_tokens)
