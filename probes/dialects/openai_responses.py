"""OpenAI's responses, streamed and whole, as OpenAI, Azure and servers of one's own speak them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from probes import tasks
from probes.answer import Answer
from probes.base import Reader, Reading, Unit, WireRequest, posted
from probes.errors import ErrorObject, error_object
from probes.framing.base import Event
from probes.loose import count, glimpse, mapping, mappings, string
from probes.result import StreamVerdict
from probes.streaming import (
    BodyReader,
    FailedError,
    ForeignError,
    StreamReader,
    decoded,
    server_sent,
)
from probes.target import Target, Workload

_DELTAS: Final[Mapping[str, Literal["output", "reasoning"]]] = {
    "response.output_text.delta": "output",
    "response.refusal.delta": "output",
    "response.reasoning_text.delta": "reasoning",
    "response.reasoning_summary_text.delta": "reasoning",
}
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
_WORDS: Final[Mapping[str, str]] = {"max_output_tokens": "length", "failed": "error"}
"""How an answer ended, and what chat completions call it."""

_FAILED: Final = ErrorObject(type="error", message="the response failed, and does not say why")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIResponses:
    """The dialect with a vendor's deviations, as its catalogue row gives them.

    `reasoning` says whether an effort is taken, `stream_options` is what a stream is asked for beside its usage,
    which comes unasked; `extra` are fields that every request carries.
    """

    reasoning: bool = True
    stream_options: Mapping[str, bool] = dataclasses.field(default_factory=dict)
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:
        body: dict[str, Any] = {
            "model": target.model_id,
            "input": tasks.prompt(workload, nonce),
            "max_output_tokens": workload.max_tokens,
            "store": False,
            **self.extra,
            **_task(workload),
        }
        if workload.streamed:
            body["stream"] = True
            if self.stream_options:
                body["stream_options"] = dict(self.stream_options)
        if self.reasoning and workload.reasoning is not None:
            body["reasoning"] = {"effort": workload.reasoning}
        return posted(url, body, streamed=workload.streamed)

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:
        if not workload.streamed:
            return BodyReader(_whole, headers, "response")
        return StreamReader(
            _Events(), server_sent(workload, event_bytes), workload, headers, whole=_unstreamed
        )


def _task(workload: Workload) -> dict[str, Any]:
    """Return what makes a model call a tool, or answer in JSON."""
    if workload.kind == "tools":
        tool = {"type": "function", **tasks.TOOL._asdict(), "strict": True}
        return {"tools": [tool], "tool_choice": {"type": "function", "name": tasks.TOOL.name}}
    if workload.kind == "json":
        shape = {"name": tasks.SCHEMA_NAME, "strict": True, "schema": tasks.schema(workload)}
        return {"text": {"format": {"type": "json_schema", **shape}}}
    return {}


def _unstreamed(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"output"' in head


class _Events:
    """The events of one answer, up to the one that ends it."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.marked = False
        self.implicit = False
        self._called: set[int] = set()
        self._argued: set[int] = set()

    def take(self, event: Event) -> Sequence[Unit]:
        if event.data.startswith("[DONE]") or not event.data.strip():
            return ()  # some servers send it behind the event that ends the answer
        said = decoded(event)
        kind = string(said.get("type")) or event.name
        if kind == "error":
            raise FailedError(_error_event(said))
        if error := error_object(said):
            raise FailedError(error)
        if kind is None:
            raise ForeignError(f"an event has no type: {glimpse(event.data)}")
        if kind in _ENDS:
            return self._end(mapping(said.get("response")), failed=kind == "response.failed")
        return self.answer.note(self._units(kind, said))

    def _units(self, kind: str, said: Mapping[str, Any]) -> list[Unit]:
        if kind in _DELTAS:
            text = string(said.get("delta"))
            return [Unit(_DELTAS[kind], text)] if text else []
        if kind.startswith("response.function_call_arguments."):
            return self._arguments(said)
        if kind == "response.output_item.added":
            item = mapping(said.get("item"))
            name = string(item.get("name")) if item.get("type") == "function_call" else ""
            return self._call(_place(said), name=name) if name else []
        if kind in {"response.created", "response.in_progress"}:
            _identify(self.answer, mapping(said.get("response")))
        return []

    def _call(self, at: int, **piece: str) -> list[Unit]:
        self._called.add(at)
        return [Unit("output", "")] if self.answer.call(at, **piece) else []

    def _arguments(self, said: Mapping[str, Any]) -> list[Unit]:
        """Note arguments as they are generated; where none came in pieces, they come whole at last."""
        at, piece = _place(said), string(said.get("delta"))
        if not piece and at not in self._argued:
            piece = string(said.get("arguments"))
        if not piece:
            return []
        self._argued.add(at)
        return self._call(at, arguments=piece)

    def _end(self, response: Mapping[str, Any], *, failed: bool) -> Sequence[Unit]:
        self.marked = True
        _conclude(self.answer, response, called=bool(self._called))
        error = error_object(response)
        if error or failed or response.get("status") == "failed":
            raise FailedError(error or _FAILED)
        # A server that does not generate piece by piece has the whole answer here alone.
        return () if self.answer.chunks else self.answer.note(list(_output(self.answer, response)))


def _place(said: Mapping[str, Any]) -> int:
    return count(said.get("output_index")) or 0


def _error_event(said: Mapping[str, Any]) -> ErrorObject:
    """Return the error of an `error` event: its fields stand in the event itself, or in an object of it."""
    return error_object(said) or error_object({"error": said}) or ErrorObject(type="error")


def _identify(answer: Answer, response: Mapping[str, Any]) -> None:
    """Note which response it is, by which model, and in which tier once that is decided."""
    for key, field in (("id", "response_id"), ("model", "response_model"), ("service_tier", "service_tier")):
        text = string(response.get(key))
        if text and (key, text) != ("service_tier", "auto"):
            answer.known[field] = text


def _conclude(answer: Answer, response: Mapping[str, Any], *, called: bool = False) -> None:
    """Note what a response says of itself at its end: why it ended, and what it used."""
    _identify(answer, response)
    answer.known |= _usage(mapping(response.get("usage")))
    reason = string(mapping(response.get("incomplete_details")).get("reason"))
    status = string(response.get("status"))
    if reason or status == "incomplete":
        answer.known["finish_reason"] = _WORDS.get(reason, reason or "length")
    elif status:
        kinds = {item.get("type") for item in mappings(response.get("output"))}
        word = "tool_calls" if called or "function_call" in kinds else "stop"
        answer.known["finish_reason"] = word if status == "completed" else _WORDS.get(status, status)


def _whole(body: Any) -> Reading | None:
    if not isinstance(body, dict) or not isinstance(body.get("output"), list):
        return None
    answer = Answer()
    _conclude(answer, body)
    if body.get("status") == "failed":
        return answer.errored(_FAILED)
    answer.note(list(_output(answer, body)))
    return answer.reading(StreamVerdict.EMPTY if answer.unexplained else StreamVerdict.COMPLETE)


def _output(answer: Answer, response: Mapping[str, Any]) -> Iterator[Unit]:
    """Yield the units of a whole answer, and note its calls of tools."""
    for at, item in enumerate(mappings(response.get("output"))):
        if item.get("type") == "function_call":
            if answer.call(at, string(item.get("name")), string(item.get("arguments"))):
                yield Unit("output", "")
            continue
        thought = item.get("type") == "reasoning"
        for part in [*mappings(item.get("summary")), *mappings(item.get("content"))]:
            if text := string(part.get("text")) or string(part.get("refusal")):
                yield Unit("reasoning" if thought else "output", text)


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the token counts that are given, by the names of `Reading`."""
    counts = {
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "reasoning_tokens": mapping(usage.get("output_tokens_details")).get("reasoning_tokens"),
        "cached_tokens": mapping(usage.get("input_tokens_details")).get("cached_tokens"),
    }
    return {name: number for name, given in counts.items() if (number := count(given)) is not None}
