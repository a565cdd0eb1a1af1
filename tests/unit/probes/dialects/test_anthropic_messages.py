"""What Anthropic's messages say, read from recorded bytes at every split, and how they are asked for."""

import dataclasses
import json
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import tasks
from probes.base import Reading, ToolCall, Unit, WireRequest
from probes.dialects.anthropic_messages import AnthropicMessages
from probes.result import StreamVerdict
from probes.target import Kind, Target, Workload

STREAMS = pathlib.Path(__file__).parents[3] / "streams" / "anthropic"
EVENT_BYTES = 1 << 20
TARGET = Target(
    name="t",
    provider="anthropic",
    cloud="anthropic",
    model="haiku",
    model_id="claude-haiku-4-5",
    endpoint="https://h",
    group="t",
)
CHAT = Workload(name="chat")
SYNC = Workload(name="sync", kind="chat-sync")

COMPLETE, TRUNCATED = StreamVerdict.COMPLETE, StreamVerdict.TRUNCATED
ERRORED, EMPTY = StreamVerdict.ERRORED, StreamVerdict.EMPTY

RECORDED: dict[str, tuple[str, dict[str, Any]]] = {
    # recorded stream: units (r: reasoning, o: output), and what the reading says
    "text": (
        "oo",
        {
            "stream": COMPLETE,
            "text": "pong",
            "finish_reason": "stop",
            "response_id": "msg_01A9",
            "response_model": "claude-haiku-4-5-20251001",
            "service_tier": "standard",
            "backend": {"inference_geo": "us"},
            "input_tokens": 21,
            "output_tokens": 5,
            "cached_tokens": 0,
            "reasoning_tokens": None,
            "tokens_after_first": None,
        },
    ),
    "thinking": (
        "rro",
        {
            "stream": COMPLETE,
            "text": "pöng",
            "finish_reason": "stop",
            "output_tokens": 41,
            "reasoning_tokens": 33,
        },
    ),
    "thinking_hidden": ("ro", {"stream": COMPLETE, "text": "pong", "reasoning_tokens": 24}),
    "thinking_cut": ("r", {"stream": COMPLETE, "text": "", "finish_reason": "length"}),
    "tool": (
        "ooooo",
        {
            "stream": COMPLETE,
            "text": "I report it.",
            "finish_reason": "tool_calls",
            "calls": (ToolCall("report_temperature", '{"city": "Zürich", "celsius": 21}'),),
            "output_tokens": 58,
        },
    ),
    "stop_sequence": ("o", {"stream": COMPLETE, "finish_reason": "stop"}),
    "length": ("o", {"stream": COMPLETE, "finish_reason": "length", "text": "pong pong"}),
    "window": ("o", {"stream": COMPLETE, "finish_reason": "length"}),
    "refusal": ("o", {"stream": COMPLETE, "finish_reason": "content_filter", "text": "I can"}),
    "refusal_at_once": ("", {"stream": COMPLETE, "finish_reason": "content_filter"}),
    "pause": ("o", {"stream": COMPLETE, "finish_reason": "pause_turn"}),
    "empty": ("", {"stream": EMPTY, "finish_reason": "stop"}),
    "cached": (
        "o",
        {
            "stream": COMPLETE,
            "input_tokens": 2007,
            "cached_tokens": 2000,
            "output_tokens": 5,
            "service_tier": "priority",
            "backend": {"inference_geo": "global"},
        },
    ),
    "totals": ("oo", {"stream": COMPLETE, "input_tokens": 25, "output_tokens": 5, "text": "pong"}),
    "overloaded": (
        "o",
        {"stream": ERRORED, "error_type": "overloaded_error", "error": "Overloaded", "text": "po"},
    ),
    "throttled": ("", {"stream": ERRORED, "error_type": "rate_limit_error"}),
    "spent": ("", {"stream": ERRORED, "error_code": "enforced_spend_limit_reached"}),
    "broken": ("o", {"stream": ERRORED, "error_type": "api_error"}),
    "truncated": ("oo", {"stream": TRUNCATED, "finish_reason": None, "output_tokens": None}),
    "no_end_mark": ("o", {"stream": TRUNCATED, "finish_reason": "stop"}),
    "later_kinds": ("o", {"stream": COMPLETE, "text": "pong"}),
    "nameless": ("o", {"stream": COMPLETE, "text": "pong", "output_tokens": 2, "service_tier": None}),
    "text_in_the_block": ("oo", {"stream": COMPLETE, "text": "pong", "input_tokens": 12}),
}


def stream(name: str) -> bytes:
    return (STREAMS / f"{name}.sse").read_bytes()


def read(
    pieces: list[bytes],
    workload: Workload = CHAT,
    dialect: AnthropicMessages | None = None,
    *,
    closed: bool = True,
    content_type: str = "",
) -> tuple[list[Unit], Reading]:
    reader = (dialect or AnthropicMessages()).read(workload, {"content-type": content_type}, EVENT_BYTES)
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
    units, reading = read([stream(name)])
    assert "".join(unit.kind[0] for unit in units) == kinds
    assert {field: getattr(reading, field) for field in expected} == expected


@pytest.mark.parametrize("name", RECORDED)
def test_a_split_anywhere_changes_no_unit_and_no_verdict(name: str) -> None:
    body = stream(name)
    whole = read([body])
    for at in range(len(body) + 1):
        assert read([body[:at], body[at:]]) == whole
    assert read([body[at : at + 1] for at in range(len(body))]) == whole


@pytest.mark.parametrize(
    "name", [name for name, (_, said) in RECORDED.items() if said.get("stream") is COMPLETE]
)
def test_a_broken_connection_makes_whatever_was_not_finished_truncated(name: str) -> None:
    """Only `message_stop` ends an answer; a stop reason and a usage do not."""
    body = stream(name)
    for at in range(body.index(b'"message_stop"')):
        assert read([body[:at]], closed=False)[1].stream is TRUNCATED


def test_an_event_that_is_cut_off_at_an_orderly_end_is_dropped() -> None:
    body = stream("text")
    assert read([body[: body.rindex(b'"message_stop"')]])[1].stream is TRUNCATED


def test_nothing_more_is_awaited_after_the_end_mark() -> None:
    reader = AnthropicMessages().read(CHAT, {}, EVENT_BYTES)
    body = stream("text")
    list(reader.feed(body[:-1]))
    assert not reader.done
    list(reader.feed(body[-1:]))
    assert reader.done


def test_a_call_begins_with_its_name_and_not_with_empty_arguments() -> None:
    """As a first token from any other vendor does, so that they can be compared."""
    body = stream("tool")
    begun = body.index(b'"tool_use"')
    before = read([body[:begun]], closed=False)[0]
    named = read([body[: body.index(b'"partial_json":"{')]], closed=False)[0]
    assert (len(before), len(named)) == (1, 2)


def test_bedrocks_metrics_are_the_servers_time_and_count_where_nothing_else_did() -> None:
    metrics = {"inputTokenCount": 21, "outputTokenCount": 9, "invocationLatency": 412, "firstByteLatency": 97}
    stop = json.dumps({"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics})
    body = stream("text").replace(b'{"type":"message_stop"}', stop.encode())
    reading = read([body])[1]
    assert (reading.server_s, reading.input_tokens, reading.output_tokens) == (0.412, 21, 5)
    bare = body.replace(b'"usage":', b'"unused":')
    assert (read([bare])[1].input_tokens, read([bare])[1].output_tokens) == (21, 9)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'data: {"id":"c","choices":[{"delta":{"content":"pong"}}]}\n\ndata: [DONE]\n\n', ""),
        (b'data: {"type":"message_start"\n\n', "text/event-stream"),
        (b'data: [{"type":"ping"}]\n\n', "text/event-stream"),
        (b'{"type":"completion","completion":"pong"}', "application/json"),
        (b"ok", "text/plain"),
        (stream("text"), "text/html; charset=utf-8"),
    ],
    ids=["OpenAI's chunks", "half JSON", "an array", "no messages", "plain text", "HTML by its type"],
)
def test_what_is_not_the_protocol_is_malformed(body: bytes, content_type: str) -> None:
    _, reading = read([body], content_type=content_type)
    assert reading.malformed
    assert reading.error


MESSAGE = {
    "id": "msg_9",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": "pong"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 4, "service_tier": "standard"},
}


def whole(*blocks: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({**MESSAGE, "content": list(blocks), **more}).encode()


CALLED = {"type": "tool_use", "id": "toolu_1", "name": "report_temperature", "input": {"city": "Z"}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            json.dumps(MESSAGE).encode(),
            {
                "stream": COMPLETE,
                "text": "pong",
                "finish_reason": "stop",
                "input_tokens": 5,
                "output_tokens": 4,
                "response_id": "msg_9",
                "service_tier": "standard",
            },
        ),
        (
            whole({"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "pong"}),
            {"stream": COMPLETE, "text": "pong"},
        ),
        (whole(CALLED), {"calls": (ToolCall("report_temperature", '{"city": "Z"}'),), "stream": COMPLETE}),
        (whole(), {"stream": EMPTY}),
        (whole(stop_reason="max_tokens"), {"stream": COMPLETE, "finish_reason": "length"}),
        (
            b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
            {"stream": ERRORED, "error_type": "overloaded_error"},
        ),
        (b'{"object":"chat.completion","choices":[]}', {"malformed": True}),
        (b"", {"stream": EMPTY}),
    ],
)
def test_a_whole_answer_is_read_at_any_split(body: bytes, expected: dict[str, Any]) -> None:
    for at in range(len(body) + 1):
        units, reading = read([body[:at], body[at:]], SYNC)
        assert units == []
        assert {field: getattr(reading, field) for field in expected} == expected
    assert read([body], SYNC, closed=False)[1].stream is TRUNCATED


def test_a_whole_answer_that_should_have_streamed_is_known_for_one() -> None:
    _, reading = read([json.dumps(MESSAGE).encode()], content_type="application/json")
    assert reading.sentence == "the endpoint did not stream; use kind chat-sync"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "index", "delta", "message", "content_block", "content", "usage", "error"]
            )
            | st.sampled_from(
                ["text", "thinking", "input", "partial_json", "name", "stop_reason", "details"]
            ),
            inner
            | st.sampled_from(["content_block_delta", "message_start", "message_delta", "message_stop"])
            | st.sampled_from(["content_block_start", "text_delta", "input_json_delta", "tool_use"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4), st.booleans())
def test_no_json_whatever_breaks_a_reader(events: list[Any], closed: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
    read([b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)], closed=closed)
    read([json.dumps(events[0] if events else None).encode()], SYNC, closed=closed)


def asked(
    workload: Workload = CHAT, dialect: AnthropicMessages | None = None, version: str | None = None
) -> tuple[WireRequest, dict[str, Any]]:
    target = dataclasses.replace(TARGET, api_version=version)
    request = (dialect or AnthropicMessages()).request("https://h/v1/messages", target, workload, "n0nce")
    body = json.loads(request.body)
    assert isinstance(body, dict)
    return request, body


def of(kind: Kind, reasoning: str | None = None) -> Workload:
    return Workload(name="w", kind=kind, reasoning=reasoning)


def test_a_streamed_request_is_minimal_and_begins_with_its_nonce() -> None:
    request, body = asked()
    assert body == {
        "model": "claude-haiku-4-5",
        "max_tokens": 256,
        "messages": [{"role": "user", "content": "[n0nce] Reply with the single word: pong"}],
        "stream": True,
    }
    assert (request.method, request.streamed, request.headers["anthropic-version"]) == (
        "POST",
        True,
        "2023-06-01",
    )


def test_a_whole_request_does_not_stream() -> None:
    assert "stream" not in asked(SYNC)[1]


def test_a_route_that_says_model_and_version_elsewhere_leaves_them_out() -> None:
    vertex = AnthropicMessages(version="vertex-2023-10-16", in_body=True, unsaid=frozenset({"model"}))
    request, body = asked(dialect=vertex)
    assert (body["anthropic_version"], body["stream"]) == ("vertex-2023-10-16", True)
    assert "model" not in body
    assert "anthropic-version" not in request.headers


@pytest.mark.parametrize("in_body", [True, False])
def test_an_api_version_of_the_target_is_what_is_asked_for(in_body: bool) -> None:  # noqa: FBT001 - a parameter
    request, body = asked(dialect=AnthropicMessages(in_body=in_body), version="2026-10-21")
    assert request.headers.get("anthropic-version", body.get("anthropic_version")) == "2026-10-21"


@pytest.mark.parametrize("reasoning", [None, "none"])
def test_nothing_is_said_of_thinking_unless_it_is_wanted(reasoning: str | None) -> None:
    """What a model does by itself differs by model, and older ones refuse the fields."""
    assert not {"thinking", "output_config"} & set(asked(of("chat", reasoning))[1])


@pytest.mark.parametrize(
    ("reasoning", "effort"), [("minimal", "low"), ("low", "low"), ("high", "high"), ("max", "max")]
)
def test_an_effort_needs_no_budget_of_tokens(reasoning: str, effort: str) -> None:
    body = asked(of("chat", reasoning))[1]
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": effort})


def test_a_tool_that_must_be_called_is_named_and_leaves_no_room_to_think() -> None:
    """Anthropic refuses the two together."""
    body = asked(of("tools", "high"))[1]
    (tool,) = body["tools"]
    assert (tool["name"], tool["input_schema"]) == (tasks.TOOL.name, tasks.TOOL.parameters)
    assert body["tool_choice"] == {"type": "tool", "name": tasks.TOOL.name}
    assert not {"thinking", "output_config"} & set(body)


def test_an_answer_in_json_is_had_by_its_format_and_may_be_thought_over() -> None:
    body = asked(of("json", "low"))[1]
    assert body["output_config"] == {
        "effort": "low",
        "format": {"type": "json_schema", "schema": tasks.SCHEMA},
    }
    assert "tools" not in body


def test_an_answer_in_json_is_what_the_tool_is_given_where_there_is_no_format() -> None:
    by_tool = AnthropicMessages(schema="tool")
    body = asked(of("json"), by_tool)[1]
    assert body["tools"][0]["input_schema"] == tasks.SCHEMA
    assert body["tool_choice"]["name"] == body["tools"][0]["name"]
    units, reading = read([stream("tool")], of("json"), by_tool)
    assert reading.text == '{"city": "Zürich", "celsius": 21}'
    assert (len(units), reading.calls) == (4, ())
