"""Google's generateContent, streamed and whole, as Vertex AI and the Gemini API speak it."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from probes import tasks
from probes.answer import Answer
from probes.base import Reader, Reading, Unit, WireRequest, posted
from probes.errors import ErrorObject
from probes.framing.array import ArrayReader
from probes.framing.base import Event, Frames
from probes.loose import count, glimpse, mapping, mappings, parsed, string
from probes.result import StreamVerdict
from probes.streaming import (
    BodyReader,
    FailedError,
    ForeignError,
    StreamReader,
    error_in,
    server_sent,
)
from probes.target import Target, Workload

_OURS: Final = frozenset({"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"})
"""Fields of which a chunk has at least one."""

_IDENTITY: Final = {"responseId": "response_id", "modelVersion": "response_model"}

_FINISHED: Final[Mapping[str, str]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"), "content_filter"),
    **dict.fromkeys(("MODEL_ARMOR", "ESCALATION"), "content_filter"),
}
"""Google's finish reasons in OpenAI's words; one that is not here stays Google's, lower-cased."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class VertexGenerate:
    """`POST ...:streamGenerateContent?alt=sse`, or `:generateContent`: the row's path says which.

    A stream that is not asked for with `alt=sse`, or through a gateway that drops it, is one JSON array of the same chunks,
    and is read as such where its content type says JSON.
    """

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:  # noqa: ARG002 - the protocol's: the model stands in the URL
        configuration: dict[str, Any] = {"maxOutputTokens": workload.max_tokens}
        if workload.reasoning is not None:
            configuration["thinkingConfig"] = _thinking(workload.reasoning)
        if workload.kind == "json":
            configuration["responseMimeType"] = "application/json"
            configuration["responseJsonSchema"] = tasks.schema(workload)
        body: dict[str, Any] = {
            "contents": [{"role": "user", "parts": [{"text": tasks.prompt(workload, nonce)}]}],
            "generationConfig": configuration,
        }
        if workload.kind == "tools":
            body |= _tools(tasks.TOOL)
        return posted(url, body, streamed=workload.streamed)

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:
        if not workload.streamed:
            return BodyReader(_whole, headers, "answer of generateContent")
        frames: Frames
        if "application/json" in headers.get("content-type", "").lower():
            frames = ArrayReader(event_bytes)
        else:
            frames = server_sent(workload, event_bytes, bare=True)
        return StreamReader(_Chunks(), frames, workload, headers, whole=_unstreamed)


def _thinking(reasoning: str) -> dict[str, Any]:
    """Return how much a model is to think: nothing at all is a budget of no tokens, all else a level."""
    return {"thinkingBudget": 0} if reasoning == "none" else {"thinkingLevel": reasoning.upper()}


def _tools(tool: tasks.Tool) -> dict[str, Any]:
    """Return what makes a model call a tool."""
    declaration = {
        "name": tool.name,
        "description": tool.description,
        "parametersJsonSchema": tool.parameters,
    }
    calling = {"mode": "ANY", "allowedFunctionNames": [tool.name]}
    return {
        "tools": [{"functionDeclarations": [declaration]}],
        "toolConfig": {"functionCallingConfig": calling},
    }


def _unstreamed(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"candidates"' in head


class _Chunks:
    """The chunks of one answer, up to the one with a finish reason, or to the body's end."""

    marked = False
    implicit = True

    def __init__(self) -> None:
        self.answer = Answer()
        self._calls = 0

    def take(self, event: Event) -> Sequence[Unit]:
        if not event.data.strip():
            return ()
        chunk = parsed(event.data)
        if error := error_in(chunk):
            raise FailedError(error)
        if event.failed:
            raise FailedError(ErrorObject(type="error", message=glimpse(event.data)))
        if not isinstance(chunk, dict) or not _OURS & chunk.keys():
            raise ForeignError(f"an event is no chunk of generateContent: {glimpse(event.data)}")
        return self.add(chunk)

    def add(self, chunk: Mapping[str, Any]) -> Sequence[Unit]:
        """Remember what one object says and return the units in it."""
        known = self.answer.known
        known |= {name: chunk[key] for key, name in _IDENTITY.items() if string(chunk.get(key))}
        units: list[Unit] = []
        for candidate in mappings(chunk.get("candidates"))[:1]:
            for part in mappings(mapping(candidate.get("content")).get("parts")):
                units += self._units(part)
            if reason := string(candidate.get("finishReason")):
                known["finish_reason"] = self._finished(reason)
        if string(mapping(chunk.get("promptFeedback")).get("blockReason")):
            known["finish_reason"] = "content_filter"
        usage = _usage(mapping(chunk.get("usageMetadata")))
        known |= usage
        return self.answer.note(units, usage.get("output_tokens"))

    def _units(self, part: Mapping[str, Any]) -> list[Unit]:
        """Return the generated unit of a part; the signature of a thought, which has an empty text, is none."""
        if call := mapping(part.get("functionCall")):
            arguments = json.dumps(call.get("args", {}), separators=(",", ":"), ensure_ascii=False)
            self.answer.call(self._calls, string(call.get("name")), arguments)
            self._calls += 1
            return [Unit("output", "")]
        text = string(part.get("text"))
        if not text:
            return []
        return [Unit("reasoning" if part.get("thought") is True else "output", text)]

    def _finished(self, reason: str) -> str:
        finished = _FINISHED.get(reason, reason.lower())
        return "tool_calls" if finished == "stop" and self._calls else finished


def _whole(body: Any) -> Reading | None:
    if not isinstance(body, dict) or not {"candidates", "promptFeedback"} & body.keys():
        return None
    chunks = _Chunks()
    chunks.add(body)
    answer = chunks.answer
    return answer.reading(StreamVerdict.EMPTY if answer.unexplained else StreamVerdict.COMPLETE)


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return the token counts that are given, by the names of `Reading`, and which capacity served.

    What a model thinks stands beside what it answers, and is counted into it here, as other vendors do.
    """
    answered, thought = count(usage.get("candidatesTokenCount")), count(usage.get("thoughtsTokenCount"))
    counts = {
        "input_tokens": count(usage.get("promptTokenCount")),
        "output_tokens": None if answered is thought is None else (answered or 0) + (thought or 0),
        "reasoning_tokens": thought,
        "cached_tokens": count(usage.get("cachedContentTokenCount")),
        "backend": {"traffic": traffic} if (traffic := string(usage.get("trafficType"))) else None,
    }
    return {name: given for name, given in counts.items() if given is not None}
