"""OpenAI's chat completions, streamed and whole, as OpenAI, Azure and everything compatible speak them."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from probes.base import Reader, Reading, Unit, WireRequest
from probes.framing import Event, EventReader, FramingError
from probes.loose import count, glimpse, mapping, mappings, parsed, string
from probes.outcome import ErrorObject, error_object
from probes.result import StreamVerdict
from probes.target import Target, Workload

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

_NOT_STREAMED = "the endpoint did not stream; use kind chat-sync"

_REASONS_FOR_NO_TEXT = frozenset({"length", "content_filter"})
"""A reasoning model with a small cap may spend it all on hidden reasoning: complete, though without text."""

_IDENTITY = {"id": "response_id", "model": "response_model", "system_fingerprint": "fingerprint"}

_FINISHED_IN_ERROR = ErrorObject(type="error", message="the finish reason is error")
"""Mistral's way of failing at 200."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIChat:
    """The dialect with a vendor's deviations, as its catalogue row gives them.

    `cap` names the field for the most tokens to generate, `stream_options` what is sent to get the usage
    (None where the vendor sends it anyway), `reasoning` whether `reasoning_effort` is taken; with an
    implicit end mark a finish reason suffices; `extra` are fields that every request carries.
    """

    cap: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    stream_options: Mapping[str, bool] | None = dataclasses.field(
        default_factory=lambda: {"include_usage": True}
    )
    reasoning: bool = True
    end_mark: Literal["explicit", "implicit"] = "explicit"
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:
        """Return the request; the nonce comes first, so that no prompt cache answers for the model."""
        streamed = workload.kind == "chat"
        body: dict[str, Any] = {
            "model": target.model_id,
            "messages": [{"role": "user", "content": f"[{nonce}] {workload.prompt}"}],
            self.cap: workload.max_tokens,
            **self.extra,
        }
        if streamed:
            body["stream"] = True
            if self.stream_options is not None:
                body["stream_options"] = dict(self.stream_options)
        if self.reasoning and workload.reasoning is not None:
            body["reasoning_effort"] = workload.reasoning
        accept = "text/event-stream" if streamed else "application/json"
        return WireRequest(
            method="POST",
            url=url,
            headers={"content-type": "application/json", "accept": accept},
            body=json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode(),
            streamed=streamed,
        )

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:
        html = "html" in headers.get("content-type", "").lower()
        if workload.kind == "chat":
            explicit = self.end_mark == "explicit"
            return _StreamReader(workload.max_tokens, explicit=explicit, event_bytes=event_bytes, html=html)
        return _BodyReader(html=html)


class _Answer:
    """What the objects of one answer add up to, whole or in chunks."""

    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self._unknown = dict(_IDENTITY)
        self.text: list[str] = []
        self.chunks = 0
        self.reasoned = False
        self.first_tokens: int | None = None

    def take(self, chunk: Mapping[str, Any], part: Literal["delta", "message"]) -> list[Unit]:
        """Remember what one object says and return the units in it."""
        for key in [*self._unknown]:
            if string(chunk.get(key)):  # Azure's first chunk has an empty id and model
                self.known[self._unknown.pop(key)] = chunk[key]
        if string(chunk.get("service_tier")):
            self.known["service_tier"] = chunk["service_tier"]
        units = []
        for choice in mappings(chunk.get("choices")):
            units += _units(mapping(choice.get(part)))
            if string(choice.get("finish_reason")):
                self.known["finish_reason"] = choice["finish_reason"]
        usage: dict[str, int] = {}
        if given := mapping(chunk.get("usage")):
            usage = _usage(given)
            self.known |= usage
        if units:
            self._count(units, usage)
        return units

    def _count(self, units: list[Unit], usage: Mapping[str, int]) -> None:
        self.chunks += 1
        if self.chunks == 1:
            self.first_tokens = usage.get("output_tokens") or None
        for unit in units:
            if unit.kind == "output":
                self.text.append(unit.text)
            else:
                self.reasoned = True

    def _tokens_after_first(self) -> int | None:
        """Return how many tokens followed the first chunk's, where usage on every chunk or its total shows it.

        Five tokens a chunk look like one, so a total that differs from the number of chunks shows nothing.
        Reasoning that is counted but was not sent is no token of the stream.
        """
        total = count(self.known.get("output_tokens"))
        if total is None or not self.chunks:
            return None
        if self.first_tokens is not None and self.chunks > 1:
            return max(0, total - self.first_tokens)
        hidden = 0 if self.reasoned else self.known.get("reasoning_tokens", 0)
        return self.chunks - 1 if total - hidden == self.chunks else None

    def reading(self, stream: StreamVerdict, **more: Any) -> Reading:
        known = self.known | more
        return Reading(
            stream=stream, text="".join(self.text), tokens_after_first=self._tokens_after_first(), **known
        )

    def errored(self, error: ErrorObject) -> Reading:
        return self.reading(
            StreamVerdict.ERRORED, error_type=error.type, error_code=error.code, error=error.message
        )

    @property
    def unexplained(self) -> bool:
        """Return whether there is no unit, and no reason for there being none."""
        return not self.chunks and self.known.get("finish_reason") not in _REASONS_FOR_NO_TEXT


class _StreamReader:
    """Reads a stream of chunks up to `[DONE]`."""

    def __init__(self, max_tokens: int, *, explicit: bool, event_bytes: int, html: bool) -> None:
        self._max_tokens = max_tokens
        self._most = max(_FLOOD_EVENTS, _FLOOD_TIMES * max_tokens)
        self._seen = 0
        self._events = EventReader(event_bytes, lines=_LINES * self._most)
        self._explicit = explicit
        self._answer = _Answer()
        self._head: bytearray | None = bytearray()
        self._wrong = "the body is HTML" if html else None
        self._sentence: str | None = None
        self._error: ErrorObject | None = None
        self._marked = False

    @property
    def done(self) -> bool:
        said = (self._wrong, self._sentence, self._error)
        return self._marked or any(what is not None for what in said)

    def feed(self, data: bytes) -> list[Unit]:
        if self._head is not None:
            self._head += data[: _HEAD_BYTES - len(self._head)]
        units: list[Unit] = []
        try:
            for event in self._events.feed(data):
                if self.done:
                    break
                self._head = None
                found = self._take(event)
                units += found
                self._count(len(found))
        except FramingError as error:
            self._wrong = str(error)
        return units

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
        if not self._marked and closed and self._head is not None and not self._head:
            return StreamVerdict.EMPTY  # a 200 and not one byte
        ended = self._marked or (closed and not self._explicit)
        if ended and self._answer.unexplained:
            return StreamVerdict.EMPTY
        whole = ended and "finish_reason" in self._answer.known
        return StreamVerdict.COMPLETE if whole else StreamVerdict.TRUNCATED

    def _flush(self) -> None:
        """Take what a body holds that was closed in order without a last blank line; a cut event is dropped."""
        for event in self._events.flush():
            if event.data.startswith("[DONE]") or parsed(event.data) is not None:
                self._head = None
                self._take(event)

    def _take(self, event: Event) -> list[Unit]:
        if event.data.startswith("[DONE]"):
            self._marked = True
            return []
        if not event.data.strip():
            return []
        chunk = parsed(event.data)
        if not isinstance(chunk, dict):
            self._wrong = f"an event is no JSON object: {glimpse(event.data)}"
            return []
        if error := error_object(chunk):
            self._error = error
            return []
        if event.name == "error":
            self._error = ErrorObject(type="error", message=glimpse(event.data))
            return []
        units = self._answer.take(chunk, "delta")
        if self._answer.known.get("finish_reason") == "error":
            self._error = _FINISHED_IN_ERROR
        return units

    def _judge_head(self, head: bytes) -> None:
        """Say what a body was that ended without one event: comments, a JSON error, a whole answer, or another protocol."""
        lines = head.decode(errors="replace").splitlines()
        if all(not line or line.startswith((":", "id:", "retry:", "event:")) for line in lines):
            return
        if error := error_object(parsed(head)):
            self._error = error
        elif (
            head.lstrip().startswith(b"{") and b'"choices"' in head
        ):  # it may be cut: only its beginning is kept
            self._sentence = _NOT_STREAMED
        else:
            self._wrong = f"the body holds no event: {glimpse(head)}"


class _BodyReader:
    """Reads one JSON object; the blank lines that DeepSeek sends before it while it waits are JSON's space."""

    def __init__(self, *, html: bool) -> None:
        self._body = bytearray()
        self._wrong = "the body is HTML" if html else None

    @property
    def done(self) -> bool:
        return self._wrong is not None

    def feed(self, data: bytes) -> Iterator[Unit]:
        """Yield no unit: when a whole answer began to be generated is not to be seen from outside."""
        self._body += data
        return iter(())

    def finish(self, *, closed: bool) -> Reading:
        if self._wrong is not None or not closed:
            malformed = self._wrong is not None
            return Reading(stream=StreamVerdict.TRUNCATED, malformed=malformed, error=self._wrong)
        if not self._body.strip():
            return Reading(stream=StreamVerdict.EMPTY)
        return self._judge(parsed(bytes(self._body)))

    def _judge(self, body: Any) -> Reading:
        answer = _Answer()
        if error := error_object(body):
            return answer.errored(error)
        if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
            wrong = f"the body is no completion: {glimpse(self._body)}"
            return Reading(stream=StreamVerdict.TRUNCATED, malformed=True, error=wrong)
        answer.take(body, "message")
        if answer.known.get("finish_reason") == "error":
            return answer.errored(_FINISHED_IN_ERROR)
        return answer.reading(StreamVerdict.EMPTY if answer.unexplained else StreamVerdict.COMPLETE)


def _units(part: Mapping[str, Any]) -> list[Unit]:
    """Return the generated units of a delta or message: never its role alone, never empty text.

    vLLM names its reasoning both ways at once; Mistral's reasoning models send lists of typed parts.
    """
    content = part.get("content")
    if len(part) == 1 and type(content) is str:  # almost every delta
        return [Unit("output", content)] if content else []
    units = []
    if reasoning := string(part.get("reasoning_content")) or string(part.get("reasoning")):
        units.append(Unit("reasoning", reasoning))
    if text := string(content):
        units.append(Unit("output", text))
    elif isinstance(content, list):
        units += _parts(content)
    if refusal := string(part.get("refusal")):
        units.append(Unit("output", refusal))
    if ("tool_calls" in part or "function_call" in part) and _calls(part):
        units.append(Unit("output", ""))
    return units


def _parts(content: list[Any]) -> Iterator[Unit]:
    for piece in mappings(content):
        if text := string(piece.get("text")):
            yield Unit("output", text)
        elif thought := "".join(string(step.get("text")) for step in mappings(piece.get("thinking"))):
            yield Unit("reasoning", thought)


def _calls(part: Mapping[str, Any]) -> bool:
    """Return whether a tool's name or arguments are being generated."""
    functions = [call.get("function") for call in mappings(part.get("tool_calls"))]
    named = (mapping(function) for function in (*functions, part.get("function_call")))
    return any(string(function.get("name")) or string(function.get("arguments")) for function in named)


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the token counts that are given, by the names of `Reading`."""
    read = mapping(usage.get("prompt_tokens_details"))
    written = mapping(usage.get("completion_tokens_details"))
    counts = {
        "input_tokens": usage.get("prompt_tokens"),
        "output_tokens": usage.get("completion_tokens"),
        "reasoning_tokens": written.get("reasoning_tokens"),
        "cached_tokens": read.get("cached_tokens", usage.get("prompt_cache_hit_tokens")),
    }
    return {name: number for name, given in counts.items() if (number := count(given)) is not None}
