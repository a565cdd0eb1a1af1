"""What the kinds of probes put to a model: the prompt, a tool that must be called, the shape of an answer in JSON."""

import functools
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from probes.target import Kind, Workload


class Tool(NamedTuple):
    """A tool that a model may call; `parameters` is a JSON Schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


TOOL: Final = Tool(
    name="report_temperature",
    description="Reports the temperature of a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "celsius": {"type": "integer"}},
        "required": ["city", "celsius"],
        "additionalProperties": False,
    },
)
"""What a `tools` probe has called: small, and closed, as strict modes want it."""

SCHEMA_NAME: Final = "reading"
SCHEMA: Final[Mapping[str, Any]] = TOOL.parameters
"""What a `json` probe's answer must be unless the probe has a schema of its own."""

NEEDLE: Final = "quartz-heron-5208"
"""What a `long-context` probe asks for: it stands in the text once, and no model knows it from elsewhere."""

PROMPT_TOKENS: Final = 8000
"""About how many tokens a `long-context` probe sends unless it says how many."""

_PONG: Final = "Reply with the single word: pong"
PROMPTS: Final[Mapping[Kind, str]] = {
    "chat": _PONG,
    "chat-sync": _PONG,
    "models": "",
    "responses": _PONG,
    "embeddings": "The ferry leaves the harbour at seven in the morning.",
    "tools": "It is 21 degrees Celsius in Oslo. Report it.",
    # Some vendors take structured output only where the prompt says JSON.
    "json": "It is 21 degrees Celsius in Oslo. Answer in JSON, with the keys city and celsius.",
    # A story, not a count: what is foreseen easily is generated faster than what people ask for.
    "throughput": "Write a story of about 400 words about a lighthouse keeper. Begin at once, without a title.",
    "long-context": "What is the code word of the harbour master? Reply with the code word alone.",
}
"""What a configuration has said unless the probe says something else."""

_LETTERS_PER_TOKEN: Final = 3.6
"""Of the text below, between what several vocabularies make of it."""

_WHO: Final = ("baker", "pilot", "miller", "gardener", "printer", "mason", "fiddler", "weaver", "courier", "glazier", "farrier")  # fmt: skip
_DID: Final = ("sold", "counted", "mended", "carried", "weighed", "borrowed", "painted")
_WHAT: Final = ("lanterns", "ropes", "barrels", "maps", "kettles", "bricks", "violins", "ladders", "carpets", "clocks", "oars", "saddles", "mirrors")  # fmt: skip
_WHERE: Final = ("by the mill", "on the quay", "at the north gate", "under the bridge", "behind the school")


def schema(workload: Workload) -> Mapping[str, Any]:
    """Return the JSON Schema that a `json` probe's answer must be valid under."""
    return SCHEMA if workload.schema is None else workload.schema


def prompt(workload: Workload, nonce: str) -> str:
    """Return what is put to the model; the nonce comes first, so that no prompt cache answers for it.

    >>> prompt(Workload(name="w", prompt="Say pong"), "a1")
    '[a1] Say pong'
    """
    return f"[{nonce}] {_said(workload)}"


def _said(workload: Workload) -> str:
    if workload.kind != "long-context":
        return workload.prompt
    tokens = PROMPT_TOKENS if workload.prompt_tokens is None else workload.prompt_tokens
    return f"{_annals(tokens)}\n\n{workload.prompt}"


def size(workload: Workload) -> int:
    """Return how many bytes of text are put to the model, without the nonce: what is paid as input."""
    shapes = {"tools": TOOL._asdict(), "json": schema(workload)}
    shape = json.dumps(shapes[workload.kind]) if workload.kind in shapes else ""
    return len(_said(workload).encode()) + len(shape)


@functools.lru_cache(maxsize=8)
def _annals(tokens: int) -> str:
    """Return a text of about so many tokens, always the same, with the needle after two fifths of it.

    Its sentences differ, so that no tokenizer or cache makes it shorter. It takes 1 ms to make for 10,000 tokens,
    and is kept.
    """
    letters = round(tokens * _LETTERS_PER_TOKEN)
    days = [_day(number) for number in range(1 + letters // len(_day(1000)))]
    days.insert(len(days) * 2 // 5, f"The code word of the harbour master is {NEEDLE}.")
    return " ".join(days)


def _day(number: int) -> str:
    who, did = _WHO[number % 11], _DID[number * 3 % 7]
    what, where = _WHAT[number * 5 % 13], _WHERE[number * 2 % 5]
    return f"On day {number} the {who} {did} {number * 37 % 89 + 2} {what} {where}."
