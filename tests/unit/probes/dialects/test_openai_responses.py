"""What responses say, read from recorded bytes at every split."""

import dataclasses
import json
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import tasks
from probes.base import Reading, ToolCall, Unit
from probes.dialects.openai_responses import OpenAIResponses
from probes.result import StreamVerdict
from probes.target import Target, Workload

STREAMS = pathlib.Path(__file__).parents[3] / "streams" / "responses"
EVENT_BYTES = 1 << 20
TARGET = Target(
    name="t",
    provider="openai",
    cloud="openai",
    model="nano",
    model_id="gpt-5-nano",
    endpoint="https://h",
    group="t",
)
ASKED = Workload(name="responses", kind="responses")
SYNC = Workload(name="sync", kind="chat-sync")

COMPLETE, TRUNCATED = StreamVerdict.COMPLETE, StreamVerdict.TRUNCATED
ERRORED, EMPTY = StreamVerdict.ERRORED, StreamVerdict.EMPTY

CALL = ToolCall("report_temperature", '{"city":"Paris","celsius":21}')

RECORDED: dict[str, tuple[str, dict[str, Any]]] = {
    # recorded stream: units (r: reasoning, o: output), and what the reading says
    "plain": (
        "oo",
        {
            "stream": COMPLETE,
            "text": "pong",
            "finish_reason": "stop",
            "response_id": "resp_68a1",
            "response_model": "gpt-5-nano-2025-08-07",
            "service_tier": "default",
            "input_tokens": 21,
            "output_tokens": 66,
            "reasoning_tokens": 64,
            "cached_tokens": 0,
            "tokens_after_first": 1,
        },
    ),
    "reasoning_summary": (
        "rro",
        {
            "stream": COMPLETE,
            "text": "pong",
            "output_tokens": 30,
            "cached_tokens": 16,
            "tokens_after_first": None,
        },
    ),
    "reasoning_text_then_done": ("rroo", {"stream": COMPLETE, "text": "pong", "service_tier": None}),
    "tool_call": ("oooo", {"stream": COMPLETE, "finish_reason": "tool_calls", "text": "", "calls": (CALL,)}),
    "tool_calls_at_once": (
        "oooo",
        {
            "stream": COMPLETE,
            "finish_reason": "tool_calls",
            "calls": (CALL, ToolCall("report_temperature", '{"city":"Rome","celsius":30}')),
        },
    ),
    "incomplete_length": (
        "",
        {"stream": COMPLETE, "finish_reason": "length", "reasoning_tokens": 256, "text": ""},
    ),
    "incomplete_filter": ("o", {"stream": COMPLETE, "finish_reason": "content_filter", "text": "po"}),
    "refusal": ("oo", {"stream": COMPLETE, "finish_reason": "stop", "text": "I cannot"}),
    "failed": (
        "o",
        {
            "stream": ERRORED,
            "error_code": "server_error",
            "error": "The model failed while it generated",
            "text": "po",
        },
    ),
    "failed_throttled": ("", {"stream": ERRORED, "error_code": "rate_limit_exceeded"}),
    "error_event": ("o", {"stream": ERRORED, "error_code": "server_is_overloaded", "error_type": "error"}),
    "error_event_nested": (
        "",
        {"stream": ERRORED, "error_code": "insufficient_quota", "error_type": "invalid_request_error"},
    ),
    "error_without_type": ("", {"stream": ERRORED, "error_code": "500", "error": "EngineCore died"}),
    "truncated": ("oo", {"stream": TRUNCATED, "text": "pong", "finish_reason": None, "service_tier": None}),
    "done_without_end": ("oo", {"stream": TRUNCATED, "text": "pong"}),
    "buffered": ("o", {"stream": COMPLETE, "text": "pong", "finish_reason": "stop"}),
    "empty": ("", {"stream": EMPTY, "finish_reason": "stop"}),
    "queued_crlf": ("o", {"stream": COMPLETE, "text": "pöng", "service_tier": "priority"}),
}


def read(
    pieces: list[bytes], workload: Workload = ASKED, *, closed: bool = True, content_type: str = ""
) -> tuple[list[Unit], Reading]:
    reader = OpenAIResponses().read(workload, {"content-type": content_type}, EVENT_BYTES)
    units: list[Unit] = []
    for piece in pieces:
        units += reader.feed(piece)
        if reader.done:
            break
    return units, reader.finish(closed=closed)


def test_every_recorded_stream_is_expected_and_every_expectation_recorded() -> None:
    assert {path.stem for path in STREAMS.glob("*.sse")} == set(RECORDED)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_stream_is_read_as_it_was_meant(name: str) -> None:
    kinds, expected = RECORDED[name]
    units, reading = read([(STREAMS / f"{name}.sse").read_bytes()])
    assert "".join(unit.kind[0] for unit in units) == kinds
    assert {field: getattr(reading, field) for field in expected} == expected


@pytest.mark.parametrize("name", RECORDED)
def test_a_split_anywhere_changes_no_unit_and_no_verdict(name: str) -> None:
    body = (STREAMS / f"{name}.sse").read_bytes()
    whole = read([body])
    for at in range(len(body) + 1):
        assert read([body[:at], body[at:]]) == whole
    assert read([body[at : at + 1] for at in range(len(body))]) == whole


@pytest.mark.parametrize(
    "name", [name for name, (_, said) in RECORDED.items() if said["stream"] in {COMPLETE, EMPTY}]
)
def test_a_broken_connection_makes_whatever_was_not_finished_truncated(name: str) -> None:
    """The event that ends it decides: what comes before it is truncated wherever the cut falls."""
    body = (STREAMS / f"{name}.sse").read_bytes()
    end = max(body.rfind(b'"type":"response.%b"' % kind) for kind in (b"completed", b"incomplete"))
    for at in range(0, end, 7):
        assert read([body[:at]], closed=False)[1].stream is TRUNCATED


def test_nothing_more_is_awaited_after_the_event_that_ends_it() -> None:
    reader = OpenAIResponses().read(ASKED, {}, EVENT_BYTES)
    body = (STREAMS / "plain.sse").read_bytes()
    list(reader.feed(body[:-1]))
    assert not reader.done
    list(reader.feed(body[-1:]))
    assert reader.done


@pytest.mark.parametrize(
    "body",
    [
        b'data: {"choices":[{"delta":{"content":"pong"}}]}\n\ndata: [DONE]\n\n',
        b"data: pong\n\n",
        b"data: [1]\n\n",
        b"<html>Sign in</html>",
    ],
    ids=["chat completions", "a bare word", "an array", "HTML"],
)
def test_what_is_not_the_protocol_is_malformed(body: bytes) -> None:
    reading = read([body])[1]
    assert reading.malformed
    assert reading.error


def test_a_whole_answer_that_should_have_streamed_is_known_for_one() -> None:
    reading = read([json.dumps(RESPONSE).encode()], content_type="application/json")[1]
    assert (reading.malformed, reading.sentence) == (True, "the endpoint did not stream; use kind chat-sync")


RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "error": None,
    "model": "m",
    "service_tier": "flex",
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "content": [{"type": "output_text", "text": "pong"}]},
    ],
    "usage": {"input_tokens": 5, "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 2}},
}
CALLED = {
    "output": [{"type": "function_call", "name": "report_temperature", "arguments": CALL.arguments}],
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"stream": COMPLETE, "text": "pong", "input_tokens": 5, "service_tier": "flex"}),
        (CALLED, {"stream": COMPLETE, "finish_reason": "tool_calls", "calls": (CALL,)}),
        ({"output": []}, {"stream": EMPTY}),
        (
            {"output": [], "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            {"stream": COMPLETE, "finish_reason": "length"},
        ),
        ({"status": "failed", "error": {"code": "server_error", "message": "no"}}, {"stream": ERRORED}),
        ({"status": "failed"}, {"stream": ERRORED, "error": "the response failed, and does not say why"}),
        ({"output": None}, {"malformed": True}),
    ],
)
def test_a_whole_answer_is_read(change: dict[str, Any], expected: dict[str, Any]) -> None:
    body = json.dumps(RESPONSE | change).encode()
    units, reading = read([body[:50], body[50:]], SYNC)
    assert units == []
    assert {field: getattr(reading, field) for field in expected} == expected
    assert read([body], SYNC, closed=False)[1].stream is TRUNCATED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "response",
                    "item",
                    "delta",
                    "arguments",
                    "usage",
                    "error",
                    "id",
                    "output",
                    "content",
                    "status",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
TYPES = st.sampled_from(
    [
        "response.created",
        "response.output_text.delta",
        "response.output_item.added",
        "response.function_call_arguments.done",
        "response.completed",
        "response.incomplete",
        "response.failed",
        "error",
    ]
)


@given(st.lists(st.tuples(TYPES, JSON), max_size=4), st.booleans())
def test_no_json_whatever_breaks_a_reader(events: list[tuple[str, Any]], closed: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
    chunks = [{"type": kind, **said} if isinstance(said, dict) else said for kind, said in events]
    stream = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    read([stream], closed=closed)
    read([json.dumps(chunks[0] if chunks else None).encode()], SYNC, closed=closed)


def sent(workload: Workload = ASKED, dialect: OpenAIResponses | None = None) -> dict[str, Any]:
    request = (dialect or OpenAIResponses()).request("https://h/v1/responses", TARGET, workload, "n0nce")
    assert (request.method, request.streamed) == ("POST", workload.streamed)
    body = json.loads(request.body)
    assert isinstance(body, dict)
    return body


def test_a_streamed_request_is_minimal_begins_with_its_nonce_and_is_not_kept() -> None:
    assert sent() == {
        "model": "gpt-5-nano",
        "input": "[n0nce] Reply with the single word: pong",
        "max_output_tokens": 256,
        "store": False,
        "stream": True,
    }


def test_a_whole_request_does_not_stream() -> None:
    dialect = OpenAIResponses(stream_options={"include_obfuscation": False})
    assert not {"stream", "stream_options"} & set(sent(SYNC, dialect))
    assert sent(dialect=dialect)["stream_options"] == {"include_obfuscation": False}


def test_an_effort_is_asked_for_where_it_is_taken() -> None:
    asked = dataclasses.replace(ASKED, reasoning="minimal")
    assert sent(asked)["reasoning"] == {"effort": "minimal"}
    assert "reasoning" not in sent(asked, OpenAIResponses(reasoning=False))


def test_a_tool_is_forced_and_a_shape_is_asked_for() -> None:
    tools = sent(Workload(name="w", kind="tools"))
    assert tools["tool_choice"] == {"type": "function", "name": tools["tools"][0]["name"]}
    assert tools["tools"][0] | {"type": "function", "strict": True} == tools["tools"][0]
    assert tools["tools"][0]["parameters"] == tasks.TOOL.parameters
    shape = sent(Workload(name="w", kind="json"))["text"]["format"]
    assert (shape["type"], shape["strict"], shape["schema"]) == ("json_schema", True, tasks.SCHEMA)
