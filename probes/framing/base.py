"""What every framing gives: events, whatever bytes carried them."""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

EVENT_BYTES: Final = 8 * 1024**2
"""How much one event may hold before the body counts as malformed, unless the configuration says otherwise."""


class FramingError(ValueError):
    """The bytes are no frames of this kind; the message says why."""


class CutError(FramingError):
    """A body that was closed in order ended within a frame."""


class Event(NamedTuple):
    """One event: its data as text, and its name where it has one.

    `failed` says that the frame itself tells of a failure (an exception frame), whatever its data say.
    """

    data: str
    name: str | None = None
    failed: bool = False


class Frames(Protocol):
    """Finds the events in a body that arrives in pieces, wherever the pieces are cut."""

    def feed(self, piece: bytes) -> Iterator[Event]:
        """Yield the events that end in this piece; raise `FramingError` at one past a limit, or at none."""
        ...

    def flush(self) -> Iterator[Event]:
        """Yield what a body that was closed in order still holds; raise `CutError` where that is a part of a frame."""
        ...
