"""What an able model answers to a request, read from the request alone, and a recorded stream that tells it in its own framing."""

import functools
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_DATA: Final = re.compile(rb"(data: ?)(\{.*\})(\s*)")
_PARTS: Final = {"po": (0, 2), "ng": (1, 2), "pong": (0, 1), " pong pong": (0, 2), "!": (1, 2)}
"""What recorded streams say: which part of how many of an answer it is."""

_RECORDED_TOOL: Final = "report_temperature"


class Said(NamedTuple):
    """A text, or the arguments with which a tool is called."""

    text: str
    tool: str | None = None

    def part(self, word: str) -> str:
        """Return what is said where a recorded stream says a word."""
        nth, parts = _PARTS[word]
        middle = len(self.text) // parts
        return self.text[:middle] if nth == 0 else self.text[middle:]


def said(body: Mapping[str, Any]) -> Said | None:
    """Return what a request wants said by OpenAI's or Anthropic's ways of asking; None where any word will do."""
    if tools := body.get("tools"):
        tool = tools[0].get("function", tools[0])
        shape = tool["parameters"] if "parameters" in tool else tool["input_schema"]
        return Said(_written(shape), tool["name"])
    if (shape := _shape(body)) is not None:
        return Said(_written(shape))
    asked = body["input"] if "input" in body else body["messages"][0]["content"]
    found = re.search(r"code word of the harbour master is ([\w-]+)\.", asked)
    return Said(found[1]) if found else None


def retold(stream: bytes, wanted: Said) -> bytes:
    """Return a recorded stream that says pong, or calls a tool, with its events telling this in place of that."""
    return b"".join(_line(line, wanted) for line in stream.splitlines(keepends=True))


_SHAPED: tuple[tuple[str, ...], ...] = (
    ("response_format", "json_schema"),
    ("text", "format"),
    ("output_config", "format"),
)


def _shape(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the schema of what is to be answered, wherever a way of asking has it."""
    for path in _SHAPED:
        found = functools.reduce(lambda at, name: at.get(name, {}), path, body)
        if found:
            assert found.get("strict", path[0] == "output_config"), "nothing binds the answer to its schema"
            return dict(found["schema"])
    return None


def _written(shape: Mapping[str, Any]) -> str:
    return json.dumps(_value(shape), ensure_ascii=False)


def _value(shape: Mapping[str, Any]) -> Any:
    if shape["type"] == "object":
        return {name: _value(inner) for name, inner in shape["properties"].items()}
    return {"string": "Tromsø", "integer": 21}[shape["type"]]


def _line(line: bytes, wanted: Said) -> bytes:
    if not (found := _DATA.fullmatch(line)):
        return line
    event = json.loads(found[2], object_hook=functools.partial(_told, wanted))
    return found[1] + json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() + found[3]


def _told(wanted: Said, known: dict[str, Any]) -> dict[str, Any]:
    """Return one object of an event as it is with this answer."""
    word = known.get("content")
    if wanted.tool is not None and isinstance(word, str) and word in _PARTS:
        known = {name: value for name, value in known.items() if name != "content"}
        return known | {"tool_calls": [_call(wanted, word)]}
    words = {word: wanted.part(word) for word in _PARTS}
    if wanted.tool is not None:
        words[_RECORDED_TOOL] = wanted.tool
    told = {
        name: words.get(value, value) if isinstance(value, str) else value for name, value in known.items()
    }
    if wanted.tool is not None and told.get("finish_reason") == "stop":
        told["finish_reason"] = "tool_calls"
    return told


def _call(wanted: Said, word: str) -> dict[str, Any]:
    """Return a part of a chat completion's tool call; the first has its name."""
    function = {"arguments": wanted.part(word)}
    if _PARTS[word][0] > 0:
        return {"index": 0, "function": function}
    return {"index": 0, "id": "call_1", "type": "function", "function": {"name": wanted.tool, **function}}
