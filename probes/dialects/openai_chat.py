"""OpenAI's chat completions, streamed and whole, as OpenAI, Azure and everything compatible speak them."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from probes import tasks
from probes.answer import Answer
from probes.base import Reader, Reading, Unit, WireRequest, posted
from probes.errors import ErrorObject, error_object
from probes.framing.base import Event, Frames
from probes.loose import count, duration, glimpse, mapping, mappings, string
from probes.result import StreamVerdict
from probes.streaming import BodyReader, FailedError, StreamReader, decoded, server_sent
from probes.target import Target, Workload

_IDENTITY = {"id": "response_id", "model": "response_model", "system_fingerprint": "fingerprint"}

_METRICS = "amazon-bedrock-invocationMetrics"
"""What Bedrock adds to the last chunk of a model that it invokes."""

_FINISHED_IN_ERROR = ErrorObject(type="error", message="the finish reason is error")
"""Mistral's way of failing at 200."""

_SECONDS: Final[Mapping[str, tuple[tuple[str, ...], float]]] = {
    "metrics": (("queue_time_ms", "time_to_first_token_ms", "generation_time_ms"), 1e-3),  # vLLM
    "usage": (("queue_time", "total_time"), 1.0),  # Groq
    "time_info": (("total_time",), 1.0),  # Cerebras
}
"""Where a chunk tells of the server's own time, by the field that holds it: what adds up to it, and its unit in seconds."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIChat:
    """The dialect with a vendor's deviations, as its catalogue row gives them.

    `cap` names the field for the most tokens to generate, `stream_options` what is sent to get the usage
    (None where the vendor sends it anyway), `reasoning` whether `reasoning_effort` is taken; with an
    implicit end mark a finish reason suffices; `extra` are fields that every request carries; `frames` is what
    carries the chunks. `backend` maps fields of a chunk to what they tell of who served; `named` is false where the
    path alone says which model is asked.
    """

    cap: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    stream_options: Mapping[str, bool] | None = dataclasses.field(
        default_factory=lambda: {"include_usage": True}
    )
    reasoning: bool = True
    end_mark: Literal["explicit", "implicit"] = "explicit"
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    frames: Callable[[Workload, int], Frames] = server_sent
    backend: Mapping[str, str] = dataclasses.field(default_factory=dict)
    named: bool = True

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:
        body: dict[str, Any] = {"model": target.model_id} if self.named else {}
        body |= {
            "messages": [{"role": "user", "content": tasks.prompt(workload, nonce)}],
            self.cap: workload.max_tokens,
            **self.extra,
            **_task(workload),
        }
        if workload.streamed:
            body["stream"] = True
            if self.stream_options is not None:
                body["stream_options"] = dict(self.stream_options)
        if self.reasoning and workload.reasoning is not None:
            body["reasoning_effort"] = workload.reasoning
        return posted(url, body, streamed=workload.streamed)

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:
        if not workload.streamed:
            return BodyReader(functools.partial(_whole, backend=self.backend), headers, "completion")
        conversation = _Chunks(implicit=self.end_mark == "implicit", backend=self.backend)
        frames = self.frames(workload, event_bytes)
        return StreamReader(conversation, frames, workload, headers, whole=_unstreamed)


def _task(workload: Workload) -> dict[str, Any]:
    """Return what makes a model call a tool, or answer in JSON."""
    if workload.kind == "tools":
        return {
            "tools": [{"type": "function", "function": tasks.TOOL._asdict()}],
            "tool_choice": {"type": "function", "function": {"name": tasks.TOOL.name}},
        }
    if workload.kind == "json":
        shape = {"name": tasks.SCHEMA_NAME, "strict": True, "schema": tasks.schema(workload)}
        return {"response_format": {"type": "json_schema", "json_schema": shape}}
    return {}


def _unstreamed(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"choices"' in head


class _Chunks:
    """The chunks of one answer, up to `[DONE]`."""

    def __init__(self, *, implicit: bool, backend: Mapping[str, str]) -> None:
        self.answer = Answer()
        self.marked = False
        self.implicit = implicit
        self._unknown = dict(_IDENTITY)
        self._backend = backend

    def take(self, event: Event) -> Sequence[Unit]:
        if event.data.startswith("[DONE]"):
            self.marked = True
            return ()
        if not event.data.strip():
            return ()
        chunk = decoded(event)
        if error := error_object(chunk):
            self._identify(chunk)
            raise FailedError(error)
        if event.name == "error":
            raise FailedError(ErrorObject(type="error", message=glimpse(event.data)))
        units = self.add(chunk, "delta")
        if self.answer.known.get("finish_reason") == "error":
            raise FailedError(_FINISHED_IN_ERROR)
        return units

    def add(self, chunk: Mapping[str, Any], part: Literal["delta", "message"]) -> Sequence[Unit]:
        """Remember what one object says and return the units in it; raises `FailedError`."""
        known = self.answer.known
        self._identify(chunk)
        units: list[Unit] = []
        for choice in mappings(chunk.get("choices")):
            if "error" in choice and (error := error_object(choice)):  # OpenRouter's
                raise FailedError(error)
            units += self._units(mapping(choice.get(part)))
            if string(choice.get("finish_reason")):
                known["finish_reason"] = choice["finish_reason"]
        usage: dict[str, int] = {}
        given = mapping(chunk.get("usage"))
        if "x_groq" in chunk:
            given = given or self._groq(mapping(chunk["x_groq"]))
        self._time(chunk, given)
        if given:
            usage = _usage(given)
            known |= usage
            if string(given.get("service_tier")):  # Mistral's
                known["service_tier"] = given["service_tier"]
        if _METRICS in chunk:
            known |= _metrics(mapping(chunk[_METRICS]))
        return self.answer.note(units, usage.get("output_tokens"))

    def _groq(self, said: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the usage in what Groq adds to a chunk; an error may stand there in its place."""
        if error := error_object(said):
            raise FailedError(error)
        return mapping(said.get("usage"))

    def _identify(self, chunk: Mapping[str, Any]) -> None:
        """Remember which answer it is, and who served it."""
        known = self.answer.known
        for key in [*self._unknown]:
            if string(chunk.get(key)):  # Azure's first chunk has an empty id and model
                known[self._unknown.pop(key)] = chunk[key]
        if string(chunk.get("service_tier")):
            known["service_tier"] = chunk["service_tier"]
        for field, fact in self._backend.items():
            if string(chunk.get(field)):
                known["backend"] = {**known.get("backend", {}), fact: chunk[field]}

    def _time(self, chunk: Mapping[str, Any], usage: Mapping[str, Any]) -> None:
        """Remember how long it took by the server's own account."""
        for holder, (names, unit_s) in _SECONDS.items():
            given = usage if holder == "usage" else chunk.get(holder)
            if not given:
                continue
            times = [number for name in names if (number := duration(mapping(given).get(name))) is not None]
            if len(times) == len(names):
                self.answer.known["server_s"] = sum(times) * unit_s

    def _units(self, part: Mapping[str, Any]) -> list[Unit]:
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
        if ("tool_calls" in part or "function_call" in part) and self._calls(part):
            units.append(Unit("output", ""))
        return units

    def _calls(self, part: Mapping[str, Any]) -> bool:
        """Note the calls of tools in a delta; return whether a name or arguments are being generated."""
        generated = False
        for nth, call in enumerate(
            [*mappings(part.get("tool_calls")), {"function": part.get("function_call")}]
        ):
            function, at = mapping(call.get("function")), count(call.get("index"))
            name, arguments = string(function.get("name")), string(function.get("arguments"))
            if name or arguments:
                generated |= self.answer.call(nth if at is None else at, name, arguments)
        return generated


def _whole(body: Any, backend: Mapping[str, str]) -> Reading | None:
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
        return None
    chunks = _Chunks(implicit=True, backend=backend)
    answer = chunks.answer
    try:
        chunks.add(body, "message")
    except FailedError as error:
        return answer.errored(error.error)
    if answer.known.get("finish_reason") == "error":
        return answer.errored(_FINISHED_IN_ERROR)
    return answer.reading(StreamVerdict.EMPTY if answer.unexplained else StreamVerdict.COMPLETE)


def _parts(content: list[Any]) -> Iterator[Unit]:
    for piece in mappings(content):
        if text := string(piece.get("text")):
            yield Unit("output", text)
        elif thought := "".join(string(step.get("text")) for step in mappings(piece.get("thinking"))):
            yield Unit("reasoning", thought)


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


def _metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Bedrock counted and timed, by the names of `Reading`."""
    counts = {
        "input_tokens": metrics.get("inputTokenCount"),
        "output_tokens": metrics.get("outputTokenCount"),
        "cached_tokens": metrics.get("cacheReadInputTokenCount"),
    }
    found: dict[str, Any] = {
        name: number for name, given in counts.items() if (number := count(given)) is not None
    }
    latency_ms = count(metrics.get("invocationLatency"))
    return found if latency_ms is None else found | {"server_s": latency_ms / 1000}
