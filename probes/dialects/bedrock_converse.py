"""Amazon Bedrock's Converse and ConverseStream, which speak alike to every family of models that it serves."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from probes import tasks
from probes.answer import Answer
from probes.base import Reader, Reading, Unit, WireRequest, posted
from probes.framing.aws import event_frames
from probes.framing.base import Event
from probes.loose import count, mapping, mappings, string
from probes.result import StreamVerdict
from probes.streaming import BodyReader, StreamReader, decoded
from probes.target import Target, Workload

_FINISHED: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
"""Its reasons to stop, in OpenAI's words; those of a malformed answer stay as they are."""


@dataclasses.dataclass(frozen=True, slots=True)
class BedrockConverse:
    """The model stands in the path alone; a stream ends with the metadata that follow its `messageStop`."""

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": [{"text": tasks.prompt(workload, nonce)}]}],
            "inferenceConfig": {"maxTokens": workload.max_tokens},
            **_task(workload),
        }
        # Fields of their own have no name that all families share: only OpenAI's is known.
        if workload.reasoning is not None and "openai." in target.model_id:
            body["additionalModelRequestFields"] = {"reasoning_effort": workload.reasoning}
        return posted(url, body, streamed=workload.streamed, accept="application/vnd.amazon.eventstream")

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:
        if not workload.streamed:
            return BodyReader(_whole, headers, "answer of Converse")
        frames = event_frames(workload, event_bytes)
        return StreamReader(_Stream(), frames, workload, headers, whole=_unstreamed)


def _task(workload: Workload) -> dict[str, Any]:
    """Return what makes a model call a tool, or answer in JSON."""
    if workload.kind == "tools":
        spec = {
            "name": tasks.TOOL.name,
            "description": tasks.TOOL.description,
            "inputSchema": {"json": tasks.TOOL.parameters},
        }
        return {
            "toolConfig": {"tools": [{"toolSpec": spec}], "toolChoice": {"tool": {"name": tasks.TOOL.name}}}
        }
    if workload.kind == "json":
        shape = {"name": tasks.SCHEMA_NAME, "schema": json.dumps(tasks.schema(workload))}
        text = {"type": "json_schema", "structure": {"jsonSchema": shape}}
        return {"outputConfig": {"textFormat": text}}
    return {}


def _unstreamed(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"output"' in head


class _Stream:
    """The events of one answer, up to the metadata behind `messageStop`."""

    implicit = False

    def __init__(self) -> None:
        self.answer = Answer()
        self.marked = False

    def take(self, event: Event) -> Sequence[Unit]:
        said = decoded(event)
        match event.name:
            case "contentBlockStart":
                block = mapping(said.get("start"))
            case "contentBlockDelta":
                block = mapping(said.get("delta"))
            case "messageStop":
                _stopped(self.answer, said)
                return ()
            case "metadata":
                _metadata(self.answer, said)
                self.marked = "finish_reason" in self.answer.known
                return ()
            case _:
                return ()
        return self.answer.note(_units(self.answer, block, count(said.get("contentBlockIndex")) or 0))


def _units(answer: Answer, block: Mapping[str, Any], at: int) -> list[Unit]:
    """Return what is generated in a delta or a whole block, which differ in depth; note the call of a tool."""
    if text := string(block.get("text")):
        return [Unit("output", text)]
    if thought := mapping(block.get("reasoningContent")):
        plain = string(thought.get("text")) or string(mapping(thought.get("reasoningText")).get("text"))
        return [Unit("reasoning", plain)] if plain or thought.get("redactedContent") else []
    called = mapping(block.get("toolUse"))
    given = called.get("input")
    arguments = json.dumps(given) if isinstance(given, dict) else string(given)
    name = string(called.get("name"))
    generated = (name or arguments) and answer.call(at, name, arguments)
    return [Unit("output", "")] if generated else []


def _stopped(answer: Answer, said: Mapping[str, Any]) -> None:
    if reason := string(said.get("stopReason")).lower():
        answer.known["finish_reason"] = _FINISHED.get(reason, reason)


def _metadata(answer: Answer, said: Mapping[str, Any]) -> None:
    """Note what stands in the metadata of a stream, and at the top of a whole answer."""
    known, usage = answer.known, mapping(said.get("usage"))
    counts = {
        "input_tokens": usage.get("inputTokens"),
        "output_tokens": usage.get("outputTokens"),
        "cached_tokens": usage.get("cacheReadInputTokens"),
    }
    known |= {name: number for name, given in counts.items() if (number := count(given)) is not None}
    latency_ms = count(mapping(said.get("metrics")).get("latencyMs"))
    if latency_ms is not None:
        known["server_s"] = latency_ms / 1000
    if tier := string(mapping(said.get("serviceTier")).get("type")):
        known["service_tier"] = tier
    if latency := string(mapping(said.get("performanceConfig")).get("latency")):
        known["backend"] = {"performance": latency}
    routed = mapping(mapping(said.get("trace")).get("promptRouter"))
    if model := string(routed.get("invokedModelId")):
        known["response_model"] = model


def _whole(body: Any) -> Reading | None:
    if not isinstance(body, dict) or not isinstance(body.get("output"), dict):
        return None
    answer, units = Answer(), []
    for at, block in enumerate(mappings(mapping(body["output"].get("message")).get("content"))):
        units += _units(answer, block, at)
    _stopped(answer, body)
    _metadata(answer, body)
    answer.note(units, answer.known.get("output_tokens"))
    return answer.reading(StreamVerdict.EMPTY if answer.unexplained else StreamVerdict.COMPLETE)
