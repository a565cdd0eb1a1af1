"""Cohere's own chat (version 2), streamed and whole."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from probes import tasks
from probes.answer import Answer
from probes.base import Reader, Reading, Unit, WireRequest, posted
from probes.errors import ErrorObject, error_object
from probes.finishes import failure, finish
from probes.framing.base import Event
from probes.loose import count, mapping, mappings, string
from probes.result import StreamVerdict
from probes.streaming import BodyReader, FailedError, StreamReader, decoded, server_sent
from probes.target import Target, Workload


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CohereChat:
    """`POST /v2/chat`: named events up to `message-end`."""

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:
        body: dict[str, Any] = {
            "model": target.model_id,
            "messages": [{"role": "user", "content": tasks.prompt(workload, nonce)}],
            "max_tokens": workload.max_tokens,
            "stream": workload.streamed,
            **_task(workload),
        }
        return posted(url, body, streamed=workload.streamed)

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:
        if not workload.streamed:
            return BodyReader(_whole, headers, "chat response")
        frames = server_sent(workload, event_bytes)
        return StreamReader(_Events(), frames, workload, headers, whole=_unstreamed)


def _task(workload: Workload) -> dict[str, Any]:
    """Return what makes a model call a tool, or answer in JSON."""
    if workload.kind == "tools":
        tool = {"type": "function", "function": tasks.TOOL._asdict()}
        return {"tools": [tool], "tool_choice": "REQUIRED"}
    if workload.kind == "json":
        return {"response_format": {"type": "json_object", "json_schema": tasks.schema(workload)}}
    return {}


def _unstreamed(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"finish_reason"' in head


class _Events:
    """The events of one answer, up to `message-end`; what is no part of an answer (citations, debug) is passed over."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.marked = False
        self.implicit = False

    def take(self, event: Event) -> Sequence[Unit]:
        if not event.data or event.data.startswith("[DONE]"):
            return ()
        said = decoded(event)
        if error := error_object(said):
            raise FailedError(error)
        kind, delta = string(said.get("type")) or event.name, mapping(said.get("delta"))
        if kind is None and string(said.get("message")):  # as its refusals look
            raise FailedError(ErrorObject(message=said["message"]))
        message = mapping(delta.get("message"))
        if kind == "message-start" and string(said.get("id")):
            self.answer.known["response_id"] = said["id"]
        if kind == "message-end":
            self.marked = True
            self.end(delta, string(delta.get("error")))
            return ()
        if kind in {"tool-call-start", "tool-call-delta"}:
            return self.answer.note(self._called(message.get("tool_calls"), count(said.get("index")) or 0))
        if kind == "tool-plan-delta":
            return self.answer.note(_thought(message.get("tool_plan")))
        return self.answer.note(_content(message.get("content"))) if kind in _CONTENT else ()

    def end(self, said: Mapping[str, Any], error: str = "") -> None:
        """Remember how the answer ended and what it took; raises `FailedError`."""
        self.answer.known |= _usage(mapping(said.get("usage")))
        if reason := string(said.get("finish_reason")):
            if failed := failure(reason, error or None):
                raise FailedError(failed)
            self.answer.known["finish_reason"] = finish(reason)

    def message(self, message: Mapping[str, Any]) -> None:
        """Note a whole message."""
        units = _thought(message.get("tool_plan"))
        for part in mappings(message.get("content")):
            units += _content(part)
        for nth, call in enumerate(mappings(message.get("tool_calls"))):
            units += self._called(call, nth)
        self.answer.note(units)

    def _called(self, call: Any, at: int) -> list[Unit]:
        function = mapping(mapping(call).get("function"))
        name, arguments = string(function.get("name")), string(function.get("arguments"))
        return [Unit("output", "")] if (name or arguments) and self.answer.call(at, name, arguments) else []


_CONTENT = frozenset({"content-start", "content-delta"})


def _content(part: Any) -> list[Unit]:
    """Return the units in one piece of content; the start of one mostly has an empty text."""
    if text := string(mapping(part).get("text")):
        return [Unit("output", text)]
    return _thought(mapping(part).get("thinking"))


def _thought(text: Any) -> list[Unit]:
    return [Unit("reasoning", text)] if string(text) else []


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the token counts that are given, by the names of `Reading`; they come as 12 or as 12.0."""
    tokens = mapping(usage.get("tokens")) or mapping(usage.get("billed_units"))
    counts = {
        "input_tokens": tokens.get("input_tokens"),
        "output_tokens": tokens.get("output_tokens"),
        "cached_tokens": usage.get("cached_tokens"),
    }
    return {name: number for name, given in counts.items() if (number := _count(given)) is not None}


def _count(value: Any) -> int | None:
    return count(int(value) if isinstance(value, float) and value.is_integer() else value)


def _whole(body: Any) -> Reading | None:
    if not isinstance(body, dict) or not isinstance(body.get("message"), dict):
        return None
    events = _Events()
    answer = events.answer
    if string(body.get("id")):
        answer.known["response_id"] = body["id"]
    events.message(body["message"])
    try:
        events.end(body)
    except FailedError as failed:
        return answer.errored(failed.error)
    return answer.reading(StreamVerdict.EMPTY if answer.unexplained else StreamVerdict.COMPLETE)
