"""A JSON array to and from bytes, each element an event: how Google streams to whoever did not ask for server-sent events."""

import re
from collections.abc import Iterator, Sequence

from probes.framing.base import EVENT_BYTES, Event, FramingError

_SIGN = re.compile(rb'["\\{}\[\],]')
_OPENS, _CLOSES = b"{[", b"}]"
_AFTER = "something follows the end of the array"


class ArrayReader:
    r"""Finds the elements of an array that arrives in pieces, wherever the pieces are cut.

    An element is told once it ends, before the comma behind it. In a body that is no array there are no events.

    >>> reader = ArrayReader()
    >>> [event.data for piece in (b'[{"a": "},', b'"}\r\n', b',{}', b']') for event in reader.feed(piece)]
    ['{"a": "},"}', '{}']
    """

    def __init__(self, limit: int = EVENT_BYTES) -> None:
        self._limit = limit
        self._element = bytearray()
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._due = True
        self._foreign = False
        self._ended = False

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield the elements that end in this piece; raise `FramingError` at one past a limit, or at none."""
        if not self._depth and not self._ended:
            piece = piece.lstrip()
            self._foreign = self._foreign or (bool(piece) and not piece.startswith(b"["))
        if self._foreign or not piece:
            return
        begun, skip = 0, 0 if self._escaped else -1
        for found in _SIGN.finditer(piece):
            at = found.start()
            if at == skip:
                continue
            sign = piece[at : at + 1]
            if self._quoted:
                skip = at + 1 if sign == b"\\" else skip
                self._quoted = sign != b'"'
                continue
            if sign == b'"':
                self._quoted = True
                continue
            if event := self._structure(sign, piece[begun : at + 1]):
                yield event
            begun = at + 1
        self._escaped = skip == len(piece)
        self._keep(piece[begun:])

    def flush(self) -> Iterator[Event]:
        """Yield nothing: an element that has not ended was cut."""
        yield from ()

    def _structure(self, sign: bytes, text: bytes) -> Event | None:
        """Take the text up to and with a sign outside of strings; return the element that ends there."""
        if self._ended:
            raise FramingError(_AFTER)
        if sign in _OPENS:
            self._depth += 1
            if self._depth > 1:
                self._keep(text)
            return None
        if self._depth > 1:
            self._keep(text)
            self._depth -= sign in _CLOSES
            return self._event() if self._depth == 1 and sign in _CLOSES else None
        self._keep(text[:-1])
        event = self._event() if self._element.strip() else None
        if sign == b"]":
            self._depth, self._ended = 0, True
        elif self._due or sign == b"}":
            raise FramingError("the body is no JSON array: an element is missing")
        self._due = True
        return event

    def _event(self) -> Event:
        element, self._element, self._due = self._element.strip(), bytearray(), False
        return Event(element.decode(errors="replace"))

    def _keep(self, text: bytes) -> None:
        if self._ended and text.strip():
            raise FramingError(_AFTER)
        self._element += text
        if len(self._element) > self._limit:
            raise FramingError(f"one element of the array is longer than {self._limit} bytes")


def write_array(elements: Sequence[str]) -> list[bytes]:
    r"""Return an array's bytes in the pieces in which a server sends them: one an element, and its end.

    >>> write_array(['{"a":1}', '{}'])
    [b'[{"a":1}', b',\r\n{}', b'\r\n]']
    """
    leads = ("[" if at == 0 else ",\r\n" for at in range(len(elements)))
    pieces = [lead + element for lead, element in zip(leads, elements, strict=True)]
    return [piece.encode() for piece in (*pieces, "\r\n]" if pieces else "[]")]
