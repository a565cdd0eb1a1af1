"""Oracle's own chat of OCI Generative AI, streamed and whole: GENERIC for most models, COHERE and COHEREV2 for Cohere's."""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from probes import tasks
from probes.answer import Answer
from probes.base import Reader, Reading, Unit, WireRequest, posted
from probes.errors import bare_error, error_object
from probes.finishes import failure, finish
from probes.framing.base import Event
from probes.framing.lines import LineReader
from probes.loose import count, mapping, mappings, string
from probes.result import StreamVerdict
from probes.streaming import BodyReader, FailedError, StreamReader, decoded, most_lines
from probes.target import Target, Workload

CohereFormat = Literal["COHERE", "COHEREV2"]

_COHERE: Final = re.compile(r"cohere\..+")
_REASONING: Final = re.compile(r"openai\.(gpt-5|o\d).*")
"""Models that count hidden reasoning into their cap, and refuse `maxTokens`."""

_EFFORT: Final = re.compile(r"openai\..+")
"""Models that take `reasoningEffort`."""

_ENDPOINT: Final = "ocid1.generativeaiendpoint."
"""How the id of an endpoint on a dedicated AI cluster begins."""

_ACCEPT: Final = "application/json, text/event-stream"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OciChat:
    """The dialect; `cohere` is the format in which Cohere's models are asked, the family of a model says which it is.

    An endpoint on a dedicated AI cluster hides its model: there the target's `model` tells the family.
    """

    cohere: CohereFormat = "COHERE"

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:
        if target.compartment is None:
            raise ValueError(f"target {target.name} has no compartment: write compartment: and its OCID")
        dedicated = target.model_id.startswith(_ENDPOINT)
        family = target.model if dedicated else target.model_id
        prompt = tasks.prompt(workload, nonce)
        if not _COHERE.fullmatch(family):
            asked = _generic(family, workload, prompt)
        elif self.cohere == "COHERE":
            asked = _cohere(target, workload, prompt)
        else:
            asked = _cohere_v2(workload, prompt)
        if workload.streamed:
            asked |= {"isStream": True, "streamOptions": {"isIncludeUsage": True}}
        place = "endpointId" if dedicated else "modelId"
        kind = "DEDICATED" if dedicated else "ON_DEMAND"
        body = {
            "compartmentId": target.compartment,
            "servingMode": {"servingType": kind, place: target.model_id},
            "chatRequest": asked,
        }
        return posted(url, body, streamed=workload.streamed, headers={"accept": _ACCEPT})

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:
        if not workload.streamed:
            return BodyReader(_whole, headers, "chat result")
        frames = LineReader(event_bytes, lines=most_lines(workload))
        return StreamReader(_Chunks(), frames, workload, headers, whole=_unstreamed)


def _generic(family: str, workload: Workload, prompt: str) -> dict[str, Any]:
    cap = "maxCompletionTokens" if _REASONING.fullmatch(family) else "maxTokens"
    asked: dict[str, Any] = {
        "apiFormat": "GENERIC",
        "messages": [{"role": "USER", "content": [{"type": "TEXT", "text": prompt}]}],
        cap: workload.max_tokens,
    }
    if workload.reasoning is not None and _EFFORT.fullmatch(family):
        asked["reasoningEffort"] = workload.reasoning.upper()
    if workload.kind == "tools":
        asked["tools"] = [{"type": "FUNCTION", **tasks.TOOL._asdict()}]
        asked["toolChoice"] = {"type": "FUNCTION", "name": tasks.TOOL.name}
    if workload.kind == "json":
        shape = {"name": tasks.SCHEMA_NAME, "schema": tasks.schema(workload), "isStrict": True}
        asked["responseFormat"] = {"type": "JSON_SCHEMA", "jsonSchema": shape}
    return asked


def _cohere(target: Target, workload: Workload, prompt: str) -> dict[str, Any]:
    if workload.kind == "tools":
        raise ValueError(
            f"target {target.name} cannot be asked for kind tools: Oracle's COHERE format has no forced tool call; "
            "write api: cohere-v2 if the model takes it, or leave the target out of this probe"
        )
    return {
        "apiFormat": "COHERE",
        "message": prompt,
        "maxTokens": workload.max_tokens,
        **_cohere_shape(workload),
    }


def _cohere_v2(workload: Workload, prompt: str) -> dict[str, Any]:
    asked = {
        "apiFormat": "COHEREV2",
        "messages": [{"role": "USER", "content": [{"type": "TEXT", "text": prompt}]}],
        "maxTokens": workload.max_tokens,
        **_cohere_shape(workload),
    }
    if workload.kind == "tools":
        asked["tools"] = [{"type": "FUNCTION", "function": tasks.TOOL._asdict()}]
        asked["toolsChoice"] = "REQUIRED"
    return asked


def _cohere_shape(workload: Workload) -> dict[str, Any]:
    if workload.kind != "json":
        return {}
    return {"responseFormat": {"type": "JSON_OBJECT", "schema": tasks.schema(workload)}}


def _unstreamed(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"chatResponse"' in head


class _Chunks:
    """The chunks of one answer, up to the close of its body: there need be no end mark, though one is understood."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.marked = False
        self.implicit = True
        self._calls: list[str] = []
        self._called = False

    def take(self, event: Event) -> Sequence[Unit]:
        if event.data.startswith("[DONE]"):
            self.marked = True
            return ()
        if not event.data:
            return ()
        chunk = decoded(event)
        if error := error_object(chunk) or bare_error(chunk):
            raise FailedError(error)
        return self.add(chunk)

    def add(self, chunk: Mapping[str, Any]) -> Sequence[Unit]:
        """Remember what one object says and return the units in it; raises `FailedError`."""
        known = self.answer.known
        units: list[Unit] = []
        for choice in [chunk, *mappings(chunk.get("choices"))]:
            reason = string(choice.get("finishReason"))
            if reason and (failed := failure(reason, string(choice.get("errorMessage")) or None)):
                raise FailedError(failed)
            units += self._units(choice, repeats=bool(reason) and _is_cohere(choice))
            if reason:
                known["finish_reason"] = finish(reason)
            if tier := string(choice.get("serviceTier")):
                known["service_tier"] = tier.lower()
            if usage := _usage(mapping(choice.get("usage"))):
                known |= usage
        if string(chunk.get("id")):
            known.setdefault("response_id", chunk["id"])
        return self.answer.note(units)

    def _units(self, choice: Mapping[str, Any], *, repeats: bool) -> list[Unit]:
        message = mapping(choice.get("message"))
        units = []
        if reasoning := string(message.get("reasoningContent")) or string(message.get("toolPlan")):
            units.append(Unit("reasoning", reasoning))
        parts = list(_parts(message.get("content")))
        units += [Unit("reasoning", thought) for kind, thought in parts if kind == "thinking"]
        text = string(choice.get("text")) + "".join(piece for kind, piece in parts if kind == "text")
        if text := self._news(text) if repeats else text:
            units.append(Unit("output", text))
        if refusal := string(message.get("refusal")):
            units.append(Unit("output", refusal))
        if self._tools(message.get("toolCalls")) or self._whole_tools(choice.get("toolCalls")):
            units.append(Unit("output", ""))
        return units

    def _news(self, text: str) -> str:
        """Return what is new in the last chunk of one of Cohere's models, which repeats all that came before it."""
        before = "".join(self.answer.text)
        return "" if text.strip() == before.strip() else text.removeprefix(before)

    def _tools(self, calls: Any) -> bool:
        """Note the pieces of calls of tools; return whether a name or arguments are being generated."""
        generated = False
        for call in mappings(calls):
            function = mapping(call.get("function")) or call
            name, arguments = string(function.get("name")), string(function.get("arguments"))
            if name or arguments:
                generated |= self.answer.call(self._place(call), name, arguments)
        return generated

    def _place(self, call: Mapping[str, Any]) -> int:
        """Return which call a piece belongs to: by its index, else its id, else to the last one."""
        at, name = count(call.get("index")), string(call.get("id"))
        if at is not None:
            return at
        if name and name not in self._calls:
            self._calls.append(name)
        return self._calls.index(name) if name else max(0, len(self._calls) - 1)

    def _whole_tools(self, calls: Any) -> bool:
        """Note the calls of the COHERE format, which come whole, and in its last chunk once more."""
        found = mappings(calls)
        if self._called or not found:
            return False
        self._called = True
        for nth, call in enumerate(found):
            self.answer.call(nth, string(call.get("name")), json.dumps(call.get("parameters") or {}))
        return True


def _is_cohere(choice: Mapping[str, Any]) -> bool:
    return string(choice.get("apiFormat")).startswith("COHERE") or "chatHistory" in choice


def _parts(content: Any) -> Iterator[tuple[str, str]]:
    """Yield the texts in a message's content, each with what it is."""
    for part in mappings(content):
        if text := string(part.get("text")):
            yield "text", text
        elif thought := string(part.get("thinking")):
            yield "thinking", thought


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the token counts that are given, by the names of `Reading`."""
    counts = {
        "input_tokens": usage.get("promptTokens"),
        "output_tokens": usage.get("completionTokens"),
        "reasoning_tokens": mapping(usage.get("completionTokensDetails")).get("reasoningTokens"),
        "cached_tokens": mapping(usage.get("promptTokensDetails")).get("cachedTokens"),
    }
    return {name: number for name, given in counts.items() if (number := count(given)) is not None}


def _whole(body: Any) -> Reading | None:
    if not isinstance(body, dict) or not isinstance(body.get("chatResponse"), dict):
        return None
    chunks = _Chunks()
    answer = chunks.answer
    if string(body.get("modelId")):
        answer.known["response_model"] = body["modelId"]
    if version := string(body.get("modelVersion")):
        answer.known["backend"] = {"model_version": version}
    try:
        chunks.add(body["chatResponse"])
    except FailedError as failed:
        return answer.errored(failed.error)
    return answer.reading(StreamVerdict.EMPTY if answer.unexplained else StreamVerdict.COMPLETE)
