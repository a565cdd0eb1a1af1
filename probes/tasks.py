"""What the kinds of probes put to a model: the prompt, a tool that must be called, the shape of an answer in JSON."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from probes.target import Workload


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


def schema(workload: Workload) -> Mapping[str, Any]:
    """Return the JSON Schema that a `json` probe's answer must be valid under."""
    return SCHEMA if workload.schema is None else workload.schema


def prompt(workload: Workload, nonce: str) -> str:
    """Return what is put to the model; the nonce comes first, so that no prompt cache answers for it.

    >>> prompt(Workload(name="w", prompt="Say pong"), "a1")
    '[a1] Say pong'
    """
    return f"[{nonce}] {workload.prompt}"
