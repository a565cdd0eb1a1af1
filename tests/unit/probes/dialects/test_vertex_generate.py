"""What generateContent says, read from recorded bytes at every split."""

import dataclasses
import json
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.base import Reading, ToolCall, Unit
from probes.dialects.vertex_generate import VertexGenerate
from probes.framing.array import write_array
from probes.result import StreamVerdict
from probes.streaming import NOT_STREAMED
from probes.target import Target, Workload
from probes.tasks import SCHEMA, TOOL

STREAMS = pathlib.Path(__file__).parents[3] / "streams" / "google"
EVENT_BYTES = 1 << 20
TARGET = Target(
    name="t",
    provider="vertex",
    cloud="gcp",
    model="flash",
    model_id="google/gemini-2.5-flash",
    endpoint="https://h",
    group="t",
)
CHAT = Workload(name="chat")
SYNC = Workload(name="sync", kind="chat-sync")

COMPLETE, TRUNCATED = StreamVerdict.COMPLETE, StreamVerdict.TRUNCATED
ERRORED, EMPTY = StreamVerdict.ERRORED, StreamVerdict.EMPTY

OSLO = '{"city":"Oslo","celsius":-3}'
RECORDED: dict[str, tuple[str, dict[str, Any]]] = {
    # recorded stream: units (r: reasoning, o: output), and what the reading says
    "vertex.sse": (
        "ooo",
        {
            "stream": COMPLETE,
            "text": "pong!",
            "finish_reason": "stop",
            "response_id": "q1gfaa-lC5Hk",
            "response_model": "gemini-2.5-flash",
            "input_tokens": 23,
            "output_tokens": 3,
            "reasoning_tokens": None,
            "cached_tokens": 0,
            "tokens_after_first": 2,
            "backend": {"traffic": "ON_DEMAND"},
        },
    ),
    "gemini.sse": (
        "oo",
        {"stream": COMPLETE, "text": "pöng 🏓", "output_tokens": 6, "tokens_after_first": 5, "backend": {}},
    ),
    "thinking.sse": (
        "ro",
        {
            "stream": COMPLETE,
            "text": "pong",
            "output_tokens": 42,
            "reasoning_tokens": 41,
            "tokens_after_first": None,
            "backend": {"traffic": "PROVISIONED_THROUGHPUT"},
        },
    ),
    "thought_away.sse": (
        "",
        {"stream": COMPLETE, "finish_reason": "length", "output_tokens": 253, "reasoning_tokens": 253},
    ),
    "tool_call.sse": (
        "o",
        {
            "stream": COMPLETE,
            "text": "",
            "finish_reason": "tool_calls",
            "calls": (ToolCall(TOOL.name, '{"city":"Zürich","celsius":21}'),),
        },
    ),
    "two_calls.sse": (
        "oo",
        {"calls": (ToolCall(TOOL.name, OSLO), ToolCall(TOOL.name, '{"city":"Rome","celsius":19}'))},
    ),
    "json.sse": (
        "oo",
        {"stream": COMPLETE, "text": '{"city": "Oslo", "celsius": -3}', "finish_reason": "stop"},
    ),
    "malformed_call.sse": ("", {"stream": EMPTY, "finish_reason": "malformed_function_call"}),
    "filtered.sse": ("o", {"stream": COMPLETE, "text": "To make ", "finish_reason": "content_filter"}),
    "prompt_blocked.sse": ("", {"stream": COMPLETE, "finish_reason": "content_filter", "input_tokens": 30}),
    "recitation.sse": ("", {"stream": COMPLETE, "finish_reason": "content_filter"}),
    "other.sse": ("", {"stream": EMPTY, "finish_reason": "other"}),
    "empty.sse": ("", {"stream": EMPTY, "finish_reason": "stop", "output_tokens": 0}),
    "truncated.sse": ("oo", {"stream": TRUNCATED, "text": "pong", "malformed": False}),
    "throttled.sse": (
        "",
        {
            "stream": ERRORED,
            "error_type": "RESOURCE_EXHAUSTED",
            "error_code": "429",
            "error": "Resource exhausted. Please try again later.",
            "retry_after_s": 17.0,
        },
    ),
    "error_in_stream.sse": (
        "o",
        {"stream": ERRORED, "error_type": "INTERNAL", "error_code": "500", "text": "po"},
    ),
    "bare_error.sse": (
        "o",
        {"stream": ERRORED, "error_type": "UNAVAILABLE", "error_code": "503", "text": "po"},
    ),
    "other_protocol.sse": ("", {"malformed": True}),
    "array.json": (
        "oo",
        {
            "stream": COMPLETE,
            "text": "pong",
            "finish_reason": "stop",
            "output_tokens": 2,
            "tokens_after_first": 1,
        },
    ),
    "array_error.json": ("", {"stream": ERRORED, "error_type": "NOT_FOUND", "error_code": "404"}),
    "array_error_later.json": ("o", {"stream": ERRORED, "error_type": "UNAVAILABLE", "text": "po"}),
    "array_cut.json": ("o", {"stream": TRUNCATED, "text": "po", "malformed": False}),
}


def read(
    pieces: list[bytes],
    workload: Workload = CHAT,
    *,
    closed: bool = True,
    content_type: str = "text/event-stream",
) -> tuple[list[Unit], Reading]:
    reader = VertexGenerate().read(workload, {"content-type": content_type}, EVENT_BYTES)
    units: list[Unit] = []
    for piece in pieces:
        units += reader.feed(piece)
        if reader.done:
            break
    return units, reader.finish(closed=closed)


def recorded(name: str) -> tuple[bytes, str]:
    kind = "application/json; charset=UTF-8" if name.endswith(".json") else "text/event-stream"
    return (STREAMS / name).read_bytes(), kind


def test_every_recorded_stream_is_expected_and_every_expectation_recorded() -> None:
    assert {path.name for path in STREAMS.iterdir()} == {*RECORDED, "whole.json"}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_stream_is_read_as_it_was_meant_at_every_split(name: str) -> None:
    body, kind = recorded(name)
    letters, fields = RECORDED[name]
    units, reading = read([body], content_type=kind)
    assert "".join(unit.kind[0] for unit in units) == letters
    assert {field: getattr(reading, field) for field in fields} == fields
    for at in range(1, len(body)):
        assert read([body[:at], body[at:]], content_type=kind) == (units, reading)
    assert read([body[at : at + 1] for at in range(len(body))], content_type=kind) == (units, reading)


@pytest.mark.parametrize("name", ["vertex.sse", "array.json", "tool_call.sse"])
def test_an_answer_whose_connection_broke_is_never_complete(name: str) -> None:
    body, kind = recorded(name)
    assert read([body], closed=False, content_type=kind)[1].stream is TRUNCATED


def test_a_chunk_is_told_when_it_came_whether_as_an_event_or_in_an_array() -> None:
    chunks = [json.dumps({"candidates": [{"content": {"parts": [{"text": text}]}}]}) for text in ("po", "ng")]
    for kind, pieces in (
        ("text/event-stream", [f"data: {chunk}\r\n\r\n".encode() for chunk in chunks]),
        ("application/json", write_array(chunks)),
    ):
        reader = VertexGenerate().read(CHAT, {"content-type": kind}, EVENT_BYTES)
        assert [[unit.text for unit in reader.feed(piece)] for piece in pieces[:2]] == [["po"], ["ng"]]


def test_a_whole_answer_where_a_stream_was_due_is_said_to_be_one() -> None:
    """Without its braces in an array it is no stream, whatever content type it comes with."""
    body, _ = recorded("whole.json")
    for kind in ("text/event-stream", "application/json"):
        units, reading = read([body], content_type=kind)
        assert (units, reading.malformed, reading.sentence) == ([], True, NOT_STREAMED)


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
@pytest.mark.parametrize("wrap", ["{}", "[{}]"])
def test_an_error_at_200_is_an_error_bare_or_in_an_array(kind: str, wrap: str) -> None:
    error = json.dumps({"error": {"code": 403, "message": "no", "status": "PERMISSION_DENIED"}}, indent=1)
    reading = read([wrap.replace("{}", error).encode()], content_type=kind)[1]
    assert (reading.stream, reading.error_type, reading.error) == (ERRORED, "PERMISSION_DENIED", "no")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            (STREAMS / "whole.json").read_bytes(),
            {
                "stream": COMPLETE,
                "text": "pong",
                "finish_reason": "stop",
                "output_tokens": 13,
                "reasoning_tokens": 12,
                "backend": {"traffic": "ON_DEMAND"},
            },
        ),
        ((STREAMS / "array_error.json").read_bytes(), {"stream": ERRORED, "error_type": "NOT_FOUND"}),
        (
            b'{"promptFeedback":{"blockReason":"SAFETY"}}',
            {"stream": COMPLETE, "finish_reason": "content_filter"},
        ),
        (b'{"candidates":[{"finishReason":"OTHER"}]}', {"stream": EMPTY}),
        (b'{"choices":[]}', {"malformed": True}),
        (b"<html>", {"malformed": True}),
        (b"", {"stream": EMPTY}),
    ],
)
def test_a_whole_answer_is_read_at_any_split(body: bytes, expected: dict[str, Any]) -> None:
    for at in range(len(body) + 1):
        units, reading = read([body[:at], body[at:]], SYNC, content_type="application/json")
        assert units == []
        assert {field: getattr(reading, field) for field in expected} == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["candidates", "content", "parts", "text", "functionCall", "args", "finishReason"]
            )
            | st.sampled_from(["usageMetadata", "thoughtsTokenCount", "promptFeedback", "error", "details"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4), st.sampled_from(["", "application/json"]))
def test_no_json_whatever_breaks_a_reader(chunks: list[Any], content_type: str) -> None:
    stream = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    for body in (stream, json.dumps(chunks).encode()):
        read([body], content_type=content_type)
        read([body], SYNC, content_type=content_type)


def sent(workload: Workload = CHAT) -> dict[str, Any]:
    request = VertexGenerate().request("https://h/x", TARGET, workload, "n0nce")
    assert (request.method, request.url, request.streamed) == ("POST", "https://h/x", workload.streamed)
    body = json.loads(request.body)
    assert isinstance(body, dict)
    return body


def test_a_request_is_minimal_and_begins_with_its_nonce() -> None:
    text = "[n0nce] Reply with the single word: pong"
    expected = {
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "generationConfig": {"maxOutputTokens": 256},
    }
    assert sent() == sent(SYNC) == expected


@pytest.mark.parametrize(
    ("reasoning", "thinking"),
    [
        (None, None),
        ("none", {"thinkingBudget": 0}),
        ("minimal", {"thinkingLevel": "MINIMAL"}),
        ("high", {"thinkingLevel": "HIGH"}),
    ],
)
def test_how_much_to_think_is_sent_where_the_probe_says_so(
    reasoning: str | None, thinking: dict[str, Any] | None
) -> None:
    configuration = sent(dataclasses.replace(CHAT, reasoning=reasoning))["generationConfig"]
    assert configuration.get("thinkingConfig") == thinking


def test_a_tool_must_be_called_and_an_answer_must_be_json() -> None:
    body = sent(dataclasses.replace(CHAT, kind="tools"))
    (declared,) = body["tools"][0]["functionDeclarations"]
    assert declared == {
        "name": TOOL.name,
        "description": TOOL.description,
        "parametersJsonSchema": TOOL.parameters,
    }
    calling = {"mode": "ANY", "allowedFunctionNames": [TOOL.name]}
    assert body["toolConfig"] == {"functionCallingConfig": calling}
    configuration = sent(dataclasses.replace(CHAT, kind="json"))["generationConfig"]
    assert configuration == {
        "maxOutputTokens": 256,
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
    }
