"""What Cohere's chat says, read from recorded bytes at every split, and how it is asked."""

import dataclasses
import json
import pathlib
from typing import Any

import pytest

from probes import tasks
from probes.base import Reading, ToolCall, Unit
from probes.dialects.cohere_chat import CohereChat
from probes.result import StreamVerdict
from probes.target import Kind, Target, Workload

STREAMS = pathlib.Path(__file__).parents[3] / "streams"
CHAT = Workload(name="chat")
SYNC = Workload(name="sync", kind="chat-sync")
TARGET = Target(
    name="t",
    provider="cohere",
    cloud="cohere",
    model="command",
    model_id="command-a-03-2025",
    endpoint="https://h",
    group="t",
)

COMPLETE, TRUNCATED = StreamVerdict.COMPLETE, StreamVerdict.TRUNCATED
ERRORED, EMPTY = StreamVerdict.ERRORED, StreamVerdict.EMPTY

RECORDED: dict[str, tuple[str, dict[str, Any]]] = {
    # recorded stream: units (r: reasoning, o: output), and what the reading says
    "cohere/normal": (
        "oo",
        {
            "stream": COMPLETE,
            "text": "pong",
            "finish_reason": "stop",
            "response_id": "29f14a5a-11de-4cae-9800-25e4747408ea",
            "input_tokens": 504,
            "output_tokens": 4,
            "cached_tokens": 496,
            "tokens_after_first": None,
        },
    ),
    "cohere/reasoning": ("rro", {"stream": COMPLETE, "text": "pong", "output_tokens": 11}),
    "cohere/length": ("", {"stream": COMPLETE, "finish_reason": "length"}),
    "cohere/tool_call": (
        "rrooo",
        {
            "stream": COMPLETE,
            "text": "",
            "finish_reason": "tool_calls",
            "calls": (ToolCall("report_temperature", '{"city": "Brno", "celsius": 21}'),),
        },
    ),
    "cohere/citations": (
        "o",
        {"stream": COMPLETE, "text": "pong", "finish_reason": "stop", "input_tokens": None},
    ),
    "cohere/error": ("o", {"stream": ERRORED, "error_type": "error", "error": "the model went away"}),
    "cohere/timeout": (
        "o",
        {"stream": ERRORED, "error_type": "timeout", "error": "the finish reason is TIMEOUT"},
    ),
    "cohere/error_event": ("o", {"stream": ERRORED, "error": "internal server error", "text": "po"}),
    "cohere/truncated": ("oo", {"stream": TRUNCATED, "text": "pong", "finish_reason": None}),
    "html": ("", {"malformed": True}),
    "json_error_at_200": ("", {"stream": ERRORED, "error_type": "overloaded_error"}),
    "only_comments": ("", {"stream": TRUNCATED, "malformed": False}),
    "nothing": ("", {"stream": EMPTY}),
}


def read(
    pieces: list[bytes], workload: Workload = CHAT, *, closed: bool = True
) -> tuple[list[Unit], Reading]:
    reader = CohereChat().read(workload, {}, 1 << 20)
    units: list[Unit] = []
    for piece in pieces:
        units += reader.feed(piece)
    return units, reader.finish(closed=closed)


def test_every_recorded_stream_is_expected() -> None:
    assert {f"cohere/{path.stem}" for path in (STREAMS / "cohere").iterdir()} <= set(RECORDED)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_stream_is_read_alike_at_every_split(name: str) -> None:
    body = (STREAMS / f"{name}.sse").read_bytes()
    kinds, expected = RECORDED[name]
    for at in range(len(body) + 1):
        units, reading = read([body[:at], body[at:]])
        assert "".join(unit.kind[0] for unit in units) == kinds
        assert {field: getattr(reading, field) for field in expected} == expected


def test_an_answer_is_over_with_its_end_mark_and_not_before() -> None:
    body = (STREAMS / "cohere/normal.sse").read_bytes()
    reader = CohereChat().read(CHAT, {}, 1 << 20)
    mark = body.index(b"event: message-end")
    reader.feed(body[:mark])
    before = reader.done
    reader.feed(body[mark:])
    assert (before, reader.done) == (False, True)
    assert read([body[:mark]])[1].stream is TRUNCATED


def whole(content: list[dict[str, Any]], finish: str = "COMPLETE", **more: Any) -> bytes:
    message = {"role": "assistant", "content": content, **more}
    usage = {"tokens": {"input_tokens": 504, "output_tokens": 4}}
    return json.dumps({"id": "r-1", "finish_reason": finish, "message": message, "usage": usage}).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            whole([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "pong"}]),
            {"stream": COMPLETE, "text": "pong", "finish_reason": "stop", "output_tokens": 4},
        ),
        (
            whole([], "TOOL_CALL", tool_calls=[{"id": "x", "function": {"name": "f", "arguments": "{}"}}]),
            {"stream": COMPLETE, "calls": (ToolCall("f", "{}"),), "response_id": "r-1"},
        ),
        (whole([]), {"stream": EMPTY}),
        (whole([], "MAX_TOKENS"), {"stream": COMPLETE, "finish_reason": "length"}),
        (whole([{"type": "text", "text": "po"}], "ERROR"), {"stream": ERRORED, "text": "po"}),
        (b'{"id":"e-1","message":"no"}', {"malformed": True}),
        (b"<html>", {"malformed": True}),
        (b"", {"stream": EMPTY}),
    ],
)
def test_a_whole_answer_is_read_at_any_split(body: bytes, expected: dict[str, Any]) -> None:
    for at in range(len(body) + 1):
        units, reading = read([body[:at], body[at:]], SYNC)
        assert units == []
        assert {field: getattr(reading, field) for field in expected} == expected


def test_a_whole_answer_where_a_stream_was_due_is_said() -> None:
    reading = read([whole([{"type": "text", "text": "pong"}])])[1]
    assert reading.sentence == "the endpoint did not stream; use kind chat-sync"


def sent(kind: Kind = "chat", **more: Any) -> dict[str, Any]:
    workload = dataclasses.replace(CHAT, kind=kind, **more)
    request = CohereChat().request("https://h/v2/chat", TARGET, workload, "n0nce")
    assert (request.method, request.streamed) == ("POST", workload.streamed)
    body = json.loads(request.body)
    assert isinstance(body, dict)
    return body


def test_a_request_is_minimal_and_begins_with_its_nonce() -> None:
    assert sent(reasoning="minimal") == {
        "model": "command-a-03-2025",
        "messages": [{"role": "user", "content": "[n0nce] Reply with the single word: pong"}],
        "max_tokens": 256,
        "stream": True,
    }
    assert sent("chat-sync")["stream"] is False


def test_a_tool_and_a_shape_are_asked_for() -> None:
    asked = sent("tools")
    assert asked["tools"] == [{"type": "function", "function": tasks.TOOL._asdict()}]
    assert asked["tool_choice"] == "REQUIRED"
    shape = {"type": "object"}
    assert sent("json", schema=shape)["response_format"] == {"type": "json_object", "json_schema": shape}
