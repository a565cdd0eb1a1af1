"""Anthropic's messages, streamed and whole, as Anthropic itself, three clouds and everything compatible speak them."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from probes import tasks
from probes.answer import Answer
from probes.base import Reader, Reading, Unit, WireRequest, posted
from probes.errors import ErrorObject, error_object
from probes.framing.base import Event, Frames
from probes.loose import count, glimpse, mapping, mappings, string
from probes.result import StreamVerdict
from probes.streaming import BodyReader, FailedError, ForeignError, StreamReader, decoded, server_sent
from probes.target import Target, Workload

VERSION_HEADER: Final = "anthropic-version"
VERSION: Final = "2023-06-01"
"""Documented since 2023; newer SDKs send 2026-10-21, and for how long the old one is taken is not known."""

_FINISHED: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    # A classifier stopped the answer. A model that declines in words of its own ends its turn.
    "refusal": "content_filter",
}
"""Stop reasons in OpenAI's words, which know none for `pause_turn`."""

_EFFORTS: Final[Mapping[str, str]] = {"minimal": "low"}
"""What others call an effort that has another name here."""

_METRICS: Final = "amazon-bedrock-invocationMetrics"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicMessages:
    """The dialect as one route takes it.

    `version` is what is asked for where a target has no `api_version`, in a header or, with `in_body`, in the body.
    `unsaid` are fields that the URL says and the body must not repeat; `extra` are fields that every request
    carries. `schema` tells how an answer in JSON is had: by the output format that Anthropic's own models know, or
    by a tool that must be called, which every server has; `reasoning` whether a probe's effort is taken. `frames` is
    what carries the events.
    """

    version: str = VERSION
    in_body: bool = False
    unsaid: frozenset[str] = frozenset()
    schema: Literal["format", "tool"] = "format"
    reasoning: bool = True
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    frames: Callable[[Workload, int], Frames] = server_sent

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:
        body: dict[str, Any] = {
            "model": target.model_id,
            "max_tokens": workload.max_tokens,
            "messages": [{"role": "user", "content": tasks.prompt(workload, nonce)}],
            **self.extra,
            **self._task(workload),
        }
        if workload.streamed:
            body["stream"] = True
        # Streamed or not, as the vendor's own SDK has it on every route.
        headers = {"accept": "application/json"}
        version = target.api_version or self.version
        if self.in_body:
            body["anthropic_version"] = version
        else:
            headers[VERSION_HEADER] = version
        said = {name: value for name, value in body.items() if name not in self.unsaid}
        return posted(url, said, streamed=workload.streamed, headers=headers)

    def _task(self, workload: Workload) -> dict[str, Any]:
        """Return what makes a model think, call a tool, or answer in JSON; one that must call a tool may not think."""
        if (tool := self._tool(workload)) is not None:
            asked = {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
            return {"tools": [asked], "tool_choice": {"type": "tool", "name": tool.name}}
        fields: dict[str, Any] = {}
        output: dict[str, Any] = {}
        effort = workload.reasoning or "none"
        if self.reasoning and effort != "none":
            # A budget of tokens would need 1,024 at least, and more than that in max_tokens.
            fields["thinking"] = {"type": "adaptive"}
            output["effort"] = _EFFORTS.get(effort, effort)
        if workload.kind == "json":
            output["format"] = {"type": "json_schema", "schema": tasks.schema(workload)}
        return fields | ({"output_config": output} if output else {})

    def _tool(self, workload: Workload) -> tasks.Tool | None:
        if workload.kind == "tools":
            return tasks.TOOL
        if self._json_by_tool(workload):
            return tasks.Tool(tasks.SCHEMA_NAME, "Takes the answer.", tasks.schema(workload))
        return None

    def _json_by_tool(self, workload: Workload) -> bool:
        return workload.kind == "json" and self.schema == "tool"

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:
        if not workload.streamed:
            return BodyReader(_whole, headers, "message")
        conversation = _Events(answers_by_tool=self._json_by_tool(workload))
        frames = self.frames(workload, event_bytes)
        return StreamReader(conversation, frames, workload, headers, whole=_unstreamed)


def _unstreamed(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"role"' in head and b'"content"' in head


class _Events:
    """The events of one answer, up to `message_stop`; with `answers_by_tool` what a tool is given is the answer, and text is none."""

    def __init__(self, *, answers_by_tool: bool = False) -> None:
        self.answer = Answer()
        self.marked = False
        self.implicit = False
        self._answers_by_tool = answers_by_tool
        self._used: dict[str, Any] = {}

    def take(self, event: Event) -> Sequence[Unit]:
        if not event.data.strip() or event.data.startswith("[DONE]"):  # compatible servers' own end
            return ()
        said = decoded(event)
        kind = string(said.get("type")) or event.name
        error = error_object(said)
        if error or kind == "error":
            raise FailedError(error or ErrorObject(type="error", message=glimpse(event.data)))
        if not kind:
            raise ForeignError(f"an event has no type: {glimpse(event.data)}")
        return self.answer.note(self._units(kind, said))

    def _units(self, kind: str, said: Mapping[str, Any]) -> Sequence[Unit]:
        """Note what one event says and return the units in it; of most kinds, and of those to come, there are none."""
        at = count(said.get("index")) or 0
        match kind:
            case "content_block_delta":
                return self._delta(at, mapping(said.get("delta")))
            case "content_block_start":
                return self._block(at, mapping(said.get("content_block")))
            case "message_start":
                message = mapping(said.get("message"))
                self.identify(message)
                # The output is a placeholder yet.
                self.use({**mapping(message.get("usage")), "output_tokens": None})
            case "message_delta":
                self.finish(mapping(said.get("delta")))
                self.use(mapping(said.get("usage")))
            case "message_stop":
                self.marked = True
                self._measured(mapping(said.get(_METRICS)))
        return ()

    def identify(self, message: Mapping[str, Any]) -> None:
        for name, field in (("id", "response_id"), ("model", "response_model")):
            if string(message.get(name)):
                self.answer.known[field] = message[name]

    def use(self, usage: Mapping[str, Any]) -> None:
        """Note a usage: its counts are totals so far, so that the last one of each holds."""
        self._used |= {name: given for name, given in usage.items() if given is not None}
        self.answer.known |= _counts(self._used)
        if tier := string(usage.get("service_tier")):
            self.answer.known["service_tier"] = tier
        if geo := string(usage.get("inference_geo")):
            self.answer.known["backend"] = {"inference_geo": geo}

    def finish(self, delta: Mapping[str, Any]) -> None:
        if reason := string(delta.get("stop_reason")):
            self.answer.known["finish_reason"] = _FINISHED.get(reason, reason.lower())

    def whole(self, message: Mapping[str, Any]) -> None:
        """Note a message that came in one piece."""
        self.identify(message)
        self.use(mapping(message.get("usage")))
        self.finish(message)
        for at, block in enumerate(mappings(message.get("content"))):
            self.answer.note(self._block(at, block))

    def _block(self, at: int, block: Mapping[str, Any]) -> list[Unit]:
        """Return the units that a block has at its beginning in a stream, or in all."""
        match block.get("type"):
            case "text":
                return self._text(string(block.get("text")))
            case "thinking" if thought := string(block.get("thinking")):
                return [Unit("reasoning", thought)]
            case "redacted_thinking":
                return [Unit("reasoning", "")]
            case "tool_use":
                given = mapping(block.get("input"))
                return self._call(at, string(block.get("name")), json.dumps(given) if given else "")
        return []

    def _delta(self, at: int, delta: Mapping[str, Any]) -> list[Unit]:
        """Return the units of a delta: a signature and a citation are none."""
        match delta.get("type"):
            case "text_delta":
                return self._text(string(delta.get("text")))
            case "thinking_delta" if thought := string(delta.get("thinking")):
                return [Unit("reasoning", thought)]
            case "input_json_delta":
                return self._call(at, arguments=string(delta.get("partial_json")))
        return []

    def _text(self, text: str) -> list[Unit]:
        return [Unit("output", "" if self._answers_by_tool else text)] if text else []

    def _call(self, at: int, name: str = "", arguments: str = "") -> list[Unit]:
        if self._answers_by_tool:
            return [Unit("output", arguments)] if arguments else []
        return [Unit("output", "")] if self.answer.call(at, name, arguments) else []

    def _measured(self, metrics: Mapping[str, Any]) -> None:
        """Note what Bedrock tells at the end: its own time, and counts where the events had none."""
        known = self.answer.known
        if (latency := count(metrics.get("invocationLatency"))) is not None:
            known["server_s"] = latency / 1000
        for name, field in (("inputTokenCount", "input_tokens"), ("outputTokenCount", "output_tokens")):
            if (number := count(metrics.get(name))) is not None:
                known.setdefault(field, number)


def _whole(body: Any) -> Reading | None:
    if not isinstance(body, dict) or not isinstance(body.get("content"), list):
        return None
    events = _Events()
    events.whole(body)
    answer = events.answer
    return answer.reading(StreamVerdict.EMPTY if answer.unexplained else StreamVerdict.COMPLETE)


def _counts(usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the token counts that are given, by the names of `Reading`.

    `input_tokens` leaves out what was read from a cache and what was written to one; ours is the whole prompt, as
    other vendors count it.

    >>> _counts({"input_tokens": 3, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 4})
    {'input_tokens': 27, 'cached_tokens': 20}
    """
    fresh, read, written = (
        count(usage.get(name))
        for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    counts = {
        "input_tokens": None if fresh is None else count(fresh + (read or 0) + (written or 0)),
        "output_tokens": count(usage.get("output_tokens")),
        "reasoning_tokens": count(mapping(usage.get("output_tokens_details")).get("thinking_tokens")),
        "cached_tokens": read,
    }
    return {name: number for name, number in counts.items() if number is not None}
