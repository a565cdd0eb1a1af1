"""Reads bodies for every dialect: streams of events up to their end mark, and answers in one piece.

A dialect says what an event means (`Conversation`); what is alike for all of them is here: cut events, floods, limits,
errors in the body, and bodies that are something else altogether.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from probes.answer import Answer
from probes.base import Reading, Unit
from probes.errors import ErrorObject, bare_error, error_object
from probes.framing.base import CutError, Event, Frames, FramingError
from probes.framing.sse import EventReader
from probes.loose import glimpse, mapping, parsed, string
from probes.result import StreamVerdict
from probes.target import Workload

_HEAD_BYTES = 64 * 1024
"""How much of a body is kept that has shown no event yet, to say what it was instead."""

_FLOOD_EVENTS = 10_000
_FLOOD_TIMES = 20
"""A stream of more events than both this many and this many times the most tokens is a flood, and left.

An event costs some 18 microseconds: ten thousand 0.2 s, the 1.4 million that the limit of the body lets through
25 s, in which no other probe is read. A server that counts tokens in its own way stays far below.
"""

_LINES = 10
"""Lines that an event may have on average, comments counted in: a flood of those costs time as well."""

NOT_STREAMED: Final = "the endpoint did not stream; use kind chat-sync"


class ForeignError(Exception):
    """An event is none of this protocol; the message says what it is."""


class FailedError(Exception):
    """The endpoint reports an error inside its answer."""

    def __init__(self, error: ErrorObject) -> None:
        super().__init__(error.message)
        self.error = error


class Conversation(Protocol):
    """What a dialect makes of the events of one answer.

    `answer` adds up what was said. `marked` tells that the protocol's own end mark was seen; with `implicit` there
    need be none, and a finish reason at a body's end in order suffices.
    """

    answer: Answer
    marked: bool
    implicit: bool

    def take(self, event: Event) -> Sequence[Unit]:
        """Return the units of one event; raises `ForeignError` or `FailedError`."""
        ...


def most_events(workload: Workload) -> int:
    """Return how many events an answer may have before it is a flood."""
    return max(_FLOOD_EVENTS, _FLOOD_TIMES * workload.max_tokens)


def most_lines(workload: Workload) -> int:
    """Return how many lines an answer may have before it is a flood."""
    return _LINES * most_events(workload)


def server_sent(workload: Workload, event_bytes: int, *, bare: bool = False) -> EventReader:
    """Return the frames of server-sent events under the limits of an answer."""
    return EventReader(event_bytes, lines=most_lines(workload), bare=bare)


def decoded(event: Event) -> Mapping[str, Any]:
    """Return the JSON object that an event holds; raises `ForeignError` where it is none."""
    chunk = parsed(event.data)
    if not isinstance(chunk, dict):
        raise ForeignError(f"an event is no JSON object: {glimpse(event.data)}")
    return chunk


class StreamReader:
    """Reads a stream of events; `headers` are the response's, lower-cased, and `whole` knows an unstreamed answer."""

    def __init__(
        self,
        conversation: Conversation,
        frames: Frames,
        workload: Workload,
        headers: Mapping[str, str],
        whole: Callable[[bytes], bool] = lambda _head: False,
    ) -> None:
        self._conversation = conversation
        self._answer = conversation.answer
        self._frames = frames
        self._max_tokens = workload.max_tokens
        self._most = most_events(workload)
        self._seen = 0
        self._whole = whole
        self._head: bytearray | None = bytearray()
        self._wrong = _html(headers)
        self._sentence: str | None = None
        self._error: ErrorObject | None = None

    @property
    def done(self) -> bool:
        said = (self._wrong, self._sentence, self._error)
        return self._conversation.marked or any(what is not None for what in said)

    def feed(self, data: bytes) -> list[Unit]:
        if self._head is not None:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        units: list[Unit] = []
        try:
            for event in self._frames.feed(data):
                if self.done:
                    break
                self._head = None
                found = self._take(event)
                units += found
                self._count(len(found))
        except FramingError as error:
            self._break(error)
        return units

    def _break(self, error: FramingError) -> None:
        """Take what is wrong with the bytes; what comes after the end, or after a first fault, says nothing more."""
        if not self.done:
            self._wrong = str(error)

    def _take(self, event: Event) -> Sequence[Unit]:
        if event.failed:
            self._error = _failure(event)
            return ()
        try:
            return self._conversation.take(event)
        except ForeignError as error:
            self._wrong = str(error)
        except FailedError as error:
            self._error = error.error
        return ()

    def _count(self, units: int) -> None:
        self._seen += max(1, units)
        if self._seen > self._most and not self.done:
            self._sentence = (
                f"the answer has more than {self._most} events, though {self._max_tokens} tokens at most were asked for: "
                "look at the server, or at a proxy or gateway on the way"
            )

    def finish(self, *, closed: bool) -> Reading:
        if closed and not self.done:
            self._flush()
            if self._head:
                self._judge_head(bytes(self._head))
        if self._error is not None:
            return self._answer.errored(self._error)
        if self._wrong is not None or self._sentence is not None:
            return self._answer.reading(
                StreamVerdict.TRUNCATED, malformed=True, error=self._wrong, sentence=self._sentence
            )
        return self._answer.reading(self._verdict(closed=closed))

    def _verdict(self, *, closed: bool) -> StreamVerdict:
        marked = self._conversation.marked
        if not marked and closed and self._head is not None and not self._head:
            return StreamVerdict.EMPTY  # a 200 and not one byte
        ended = marked or (closed and self._conversation.implicit)
        whole = ended and "finish_reason" in self._answer.known
        if (whole or marked) and self._answer.unexplained:
            return StreamVerdict.EMPTY
        return StreamVerdict.COMPLETE if whole else StreamVerdict.TRUNCATED

    def _flush(self) -> None:
        """Take what a body holds that was closed in order without a last blank line; a cut event is dropped."""
        try:
            for event in self._frames.flush():
                if event.data.startswith("[DONE]") or parsed(event.data) is not None:
                    self._head = None
                    self._take(event)
        except CutError:
            self._head = None
        except FramingError as error:
            self._break(error)

    def _judge_head(self, head: bytes) -> None:
        """Say what a body was that ended without one event: comments, a JSON error, a whole answer, or another protocol."""
        lines = head.decode(errors="replace").splitlines()
        if all(not line or line.startswith((":", "id:", "retry:", "event:")) for line in lines):
            return
        if error := error_in(parsed(head)):
            self._error = error
        elif self._whole(head):  # it may be cut: only its beginning is kept
            self._sentence = NOT_STREAMED
        else:
            self._wrong = f"the body holds no event: {glimpse(head)}"


class BodyReader:
    """Reads one JSON value; the blank lines that DeepSeek sends before it while it waits are JSON's space.

    `read` makes a reading of the value, or returns None where it is none of this protocol; `what` names what was due.
    """

    def __init__(self, read: Callable[[Any], Reading | None], headers: Mapping[str, str], what: str) -> None:
        self._body = bytearray()
        self._read = read
        self._wrong = _html(headers)
        self._what = what

    @property
    def done(self) -> bool:
        return self._wrong is not None

    def feed(self, data: bytes) -> Iterable[Unit]:
        """Return no unit: when a whole answer began to be generated is not to be seen from outside."""
        self._body += data
        return ()

    def finish(self, *, closed: bool) -> Reading:
        if self._wrong is not None or not closed:
            malformed = self._wrong is not None
            return Reading(stream=StreamVerdict.TRUNCATED, malformed=malformed, error=self._wrong)
        if not self._body.strip():
            return Reading(stream=StreamVerdict.EMPTY)
        value = parsed(bytes(self._body))
        if error := error_in(value):
            return Answer().errored(error)
        reading = self._read(value)
        if reading is not None:
            return reading
        wrong = f"the body is no {self._what}: {glimpse(self._body)}"
        return Reading(stream=StreamVerdict.TRUNCATED, malformed=True, error=wrong)


def _failure(event: Event) -> ErrorObject:
    """Return the error that a frame tells of: the one in its data, else its own name and the message there."""
    value = parsed(event.data)
    if error := error_in(value):
        return error
    said = mapping(value)
    message = string(said.get("message")) or string(said.get("Message"))
    return ErrorObject(type=event.name, message=message or glimpse(event.data) or None)


def error_in(value: Any) -> ErrorObject | None:
    """Return the error that a body is instead of an answer; some vendors put it into an array."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return error_object(value) or bare_error(value)


def _html(headers: Mapping[str, str]) -> str | None:
    return "the body is HTML" if "html" in headers.get("content-type", "").lower() else None
