"""One event a line: server-sent events of servers that set no blank line between them."""

import sys
from collections.abc import Iterator
from typing import Final

from probes.framing.base import EVENT_BYTES, Event, FramingError

_DATA: Final = b"data:"


class LineReader:
    r"""Finds the `data:` lines in a body that arrives in pieces, wherever the pieces are cut; each is an event.

    Whatever else stands on a line (a comment, an id, an event's name) is none.

    >>> reader = LineReader()
    >>> [event.data for piece in (b"data: on", b"e\ndata:two\r\n\n", b": ping\nda") for event in reader.feed(piece)]
    ['one', 'two']
    """

    def __init__(self, limit: int = EVENT_BYTES, lines: int = sys.maxsize) -> None:
        self._limit = limit
        self._most_lines = lines
        self._lines = 0
        self._partial = bytearray()

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield the events that end in this piece; raise `FramingError` at one past a limit."""
        *lines, last = piece.split(b"\n")
        for line in lines:
            if self._partial:
                line, self._partial = bytes(self._partial) + line, bytearray()  # noqa: PLW2901 - its beginning
            if event := self._event(line):
                yield event
        self._partial += last
        self._check(self._partial)
        self._lines += len(lines)
        if self._lines > self._most_lines:
            raise FramingError(f"the body has more than {self._most_lines} lines")

    def flush(self) -> Iterator[Event]:
        """Yield the event of a last line that nothing ended."""
        partial, self._partial = bytes(self._partial), bytearray()
        if event := self._event(partial):
            yield event

    def _event(self, line: bytes) -> Event | None:
        self._check(line)
        if not line.startswith(_DATA):
            return None
        return Event(line[len(_DATA) :].strip().decode("utf-8", "replace"))

    def _check(self, line: bytes | bytearray) -> None:
        if len(line) > self._limit:
            raise FramingError(f"one event is longer than {self._limit} bytes")
