"""Embeddings as OpenAI's API gives them: one text becomes one list of numbers, in one piece."""

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any, Final

from probes import tasks
from probes.base import Reader, Reading, WireRequest, posted
from probes.loose import count, mapping, mappings, string
from probes.result import StreamVerdict
from probes.streaming import BodyReader
from probes.target import Target, Workload

_MOST: Final = sys.float_info.max


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings:
    """`POST .../embeddings`, answered by `{"data": [{"embedding": [...]}]}`; `extra` are fields of every request.

    No encoding is asked for: plain numbers are what every server gives then.
    """

    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def request(self, url: str, target: Target, workload: Workload, nonce: str) -> WireRequest:
        body = {"model": target.model_id, "input": tasks.prompt(workload, nonce), **self.extra}
        return posted(url, body)

    def read(self, workload: Workload, headers: Mapping[str, str], event_bytes: int) -> Reader:  # noqa: ARG002 - the protocol's
        return BodyReader(_embedded, headers, "list of embeddings")


def _embedded(body: Any) -> Reading | None:
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        return None
    known: dict[str, Any] = _usage(mapping(body.get("usage")))
    if model := string(body.get("model")):
        known["response_model"] = model
    if identity := string(body.get("id")):  # Mistral's
        known["response_id"] = identity
    vectors = [item.get("embedding") for item in mappings(body["data"])]
    if wrong := next((said for vector in vectors if (said := _wrong(vector))), None):
        return Reading(stream=StreamVerdict.TRUNCATED, malformed=True, error=wrong, **known)
    empty = not vectors or not all(vectors)
    return Reading(stream=StreamVerdict.EMPTY if empty else StreamVerdict.COMPLETE, **known)


def _wrong(vector: Any) -> str | None:
    """Return what is wrong with an embedding; an empty one is only empty."""
    if not isinstance(vector, list):
        return "an embedding is no list of numbers"
    if not all(type(number) in {int, float} for number in vector):
        return "an embedding holds something that is no number"
    if not all(abs(number) <= _MOST for number in vector):
        return "an embedding holds a number that is not finite"
    return None


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    """Return the token counts by the names of `Reading`; what a total holds beyond the prompt would be output."""
    asked, total = count(usage.get("prompt_tokens")), count(usage.get("total_tokens"))
    if asked is None:
        return {}
    return {"input_tokens": asked, "output_tokens": max(0, (asked if total is None else total) - asked)}
