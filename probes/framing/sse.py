"""Server-sent events to and from bytes."""

import re
import sys
from collections.abc import Iterator

from probes.framing.base import EVENT_BYTES, Event, FramingError

_BREAK = re.compile(rb"\r\n|\n|\r")
_FIELDS = frozenset({b"", b"data", b"event", b"id", b"retry"})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventReader:
    r"""Finds the events in a body that arrives in pieces, wherever the pieces are cut.

    Comments, ids and retry hints are no events. With `bare`, lines that are nothing of the kind and come after the
    first event are told at the body's end as one that failed: Google's servers break off with an error so written.

    >>> reader = EventReader()
    >>> list(reader.feed(b": ping\r\ndata:on")), list(reader.feed(b"e\r\ndata: two\r\n\r"))
    ([], [Event(data='one\ntwo', name=None, failed=False)])
    """

    def __init__(self, limit: int = EVENT_BYTES, lines: int = sys.maxsize, *, bare: bool = False) -> None:
        self._limit = limit
        self._bare: list[bytes] | None = [] if bare else None
        self._bare_size = 0
        self._begun = False
        self._most_lines = lines
        self._lines = 0
        self._partial = bytearray()
        self._data: list[bytes] = []
        self._name: str | None = None
        self._size = 0
        self._after_return = False
        self._at_start = True

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield the events that end in this piece; raise `FramingError` at one past a limit."""
        if not piece:
            return
        # A CR at the end of the last piece ended its line already: this LF is its second half.
        if self._after_return:
            piece = piece.removeprefix(b"\n")
        # Most servers end lines with LF alone, and the pattern takes ten times as long to find those.
        *lines, last = _BREAK.split(piece) if b"\r" in piece else piece.split(b"\n")
        self._after_return = piece.endswith(b"\r")
        for line in lines:
            if self._partial:
                line, self._partial = bytes(self._partial) + line, bytearray()  # noqa: PLW2901 - its beginning
            if event := self._line(line):
                yield event
        self._partial += last
        if self._size + len(self._partial) > self._limit:
            raise FramingError(f"one event is longer than {self._limit} bytes")
        self._lines += len(lines)
        if self._lines > self._most_lines:
            raise FramingError(f"the body has more than {self._most_lines} lines")

    def flush(self) -> Iterator[Event]:
        """Yield what a body that ended without its last blank line still holds."""
        partial, self._partial = bytes(self._partial), bytearray()
        if partial:
            self._line(partial)
        if event := self._dispatch():
            yield event
        if self._bare:
            yield Event(b"\n".join(self._bare).decode("utf-8", "replace"), failed=True)
            self._bare = []

    def _line(self, line: bytes) -> Event | None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return self._dispatch()
        self._size += len(line)
        if self._size > self._limit:
            raise FramingError(f"one event is longer than {self._limit} bytes")
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode(errors="replace")
        else:
            self._size -= len(line)
            if self._bare is not None and self._begun and field not in _FIELDS:
                self._bare_line(self._bare, line)
        return None

    def _bare_line(self, lines: list[bytes], line: bytes) -> None:
        self._bare_size += len(line)
        if self._bare_size > self._limit:
            raise FramingError(f"what is no event is longer than {self._limit} bytes")
        lines.append(line)

    def _dispatch(self) -> Event | None:
        data, name = self._data, self._name
        self._data, self._name, self._size = [], None, 0
        if not data:
            return None
        self._begun = True
        return Event(b"\n".join(data).decode("utf-8", "replace"), name)


def write_event(data: str, name: str | None = None, newline: str = "\n") -> bytes:
    r"""Return one event's bytes; every line of the data gets its own `data:` line.

    >>> write_event("a\nb", "ping")
    b'event: ping\ndata: a\ndata: b\n\n'
    """
    lines = [] if name is None else [f"event: {name}"]
    lines += [f"data: {line}" for line in re.split(r"\r\n|\n|\r", data)]
    return (newline.join(lines) + newline * 2).encode()


def write_comment(text: str = "", newline: str = "\n") -> bytes:
    r"""Return a comment, which servers send to keep a silent connection open.

    >>> write_comment("keep-alive")
    b': keep-alive\n\n'
    """
    return f": {text}{newline}{newline}".encode()
