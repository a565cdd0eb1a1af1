"""What chat completions say, read from recorded bytes at every split."""

import dataclasses
import json
import pathlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.base import Reading, ToolCall, Unit
from probes.dialects.openai_chat import OpenAIChat
from probes.result import StreamVerdict
from probes.target import Target, Workload

STREAMS = pathlib.Path(__file__).parents[3] / "streams"
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
CHAT = Workload(name="chat")
SYNC = Workload(name="sync", kind="chat-sync")

COMPLETE, TRUNCATED = StreamVerdict.COMPLETE, StreamVerdict.TRUNCATED
ERRORED, EMPTY = StreamVerdict.ERRORED, StreamVerdict.EMPTY

RECORDED: dict[str, tuple[str, dict[str, Any]]] = {
    # recorded stream: units (r: reasoning, o: output), and what the reading says
    "openai": (
        "oo",
        {
            "stream": COMPLETE,
            "text": "pong",
            "finish_reason": "stop",
            "response_id": "chatcmpl-Bx1",
            "response_model": "gpt-5-nano-2025-08-07",
            "fingerprint": "fp_a1b2",
            "service_tier": "default",
            "input_tokens": 21,
            "output_tokens": 66,
            "reasoning_tokens": 64,
            "cached_tokens": 0,
            "tokens_after_first": 1,
        },
    ),
    "openai_length_reasoning_only": (
        "",
        {"stream": COMPLETE, "finish_reason": "length", "reasoning_tokens": 256},
    ),
    "openai_refusal": ("o", {"stream": COMPLETE, "text": "I cannot"}),
    "openai_tool_calls": ("oo", {"stream": COMPLETE, "finish_reason": "tool_calls", "text": ""}),
    "openai_error_in_stream": (
        "o",
        {"stream": ERRORED, "error_type": "server_error", "error": "The server had an error", "text": "po"},
    ),
    "openai_truncated": ("oo", {"stream": TRUNCATED, "finish_reason": None, "text": "pong"}),
    "openai_no_end_mark": ("oo", {"stream": TRUNCATED, "finish_reason": "stop"}),
    "openai_empty": ("", {"stream": EMPTY, "finish_reason": "stop"}),
    "azure": (
        "o",
        {
            "stream": COMPLETE,
            "text": "pong",
            "response_id": "chatcmpl-Az9",
            "response_model": "gpt-5-nano-2025-08-07",
            "output_tokens": 2,
            "tokens_after_first": None,
        },
    ),
    "azure_async_filter": ("oo", {"stream": COMPLETE, "text": "pong", "finish_reason": "stop"}),
    "azure_reasoning": ("", {"stream": COMPLETE, "finish_reason": "length", "reasoning_tokens": 256}),
    "azure_tool_calls": (
        "ooo",
        {
            "stream": COMPLETE,
            "finish_reason": "tool_calls",
            "calls": (ToolCall("report_temperature", '{"city":"Oslo","celsius":7}'),),
        },
    ),
    "azure_error_in_stream": (
        "o",
        {"stream": ERRORED, "error_type": "server_error", "error_code": "InternalServerError"},
    ),
    "azure_throttled_in_stream": (
        "",
        {"stream": ERRORED, "error_type": "too_many_requests", "error_code": "429"},
    ),
    "azure_truncated": ("o", {"stream": TRUNCATED, "text": "po"}),
    "azure_inference": (
        "ro",
        {"stream": COMPLETE, "text": "pong", "input_tokens": 12, "output_tokens": 6},
    ),
    "azure_content_filter": ("o", {"stream": COMPLETE, "finish_reason": "content_filter"}),
    "deepseek": (
        "rro",
        {
            "stream": COMPLETE,
            "text": "pong",
            "reasoning_tokens": 2,
            "cached_tokens": 8,
            "output_tokens": 3,
            "tokens_after_first": 2,
        },
    ),
    "qwen": ("ro", {"stream": COMPLETE, "text": "pong", "output_tokens": 2, "tokens_after_first": 1}),
    "vllm": (
        "roo",
        {"stream": COMPLETE, "text": " pong pong!", "output_tokens": 12, "tokens_after_first": 7},
    ),
    "vllm_error_then_done": ("o", {"stream": ERRORED, "error_code": "500", "error": "EngineCore died"}),
    "mistral": ("oo", {"stream": COMPLETE, "text": "pong", "input_tokens": 11, "tokens_after_first": 1}),
    "mistral_thinking": ("ro", {"stream": COMPLETE, "text": "pong"}),
    "mistral_error": ("o", {"stream": ERRORED, "finish_reason": "error"}),
    "litellm": ("o", {"stream": COMPLETE, "text": "pong", "output_tokens": 20, "tokens_after_first": None}),
    "litellm_throttled": ("", {"stream": ERRORED, "error_code": "429", "error_type": "throttling_error"}),
    "groq": (
        "ro",
        {
            "stream": COMPLETE,
            "text": "pong",
            "input_tokens": 80,
            "output_tokens": 12,
            "reasoning_tokens": 9,
            "service_tier": "on_demand",
            "server_s": 0.0325,
        },
    ),
    "groq_error": ("o", {"stream": ERRORED, "error": "over capacity", "text": "po"}),
    "openrouter": (
        "oo",
        {"stream": COMPLETE, "text": "pong", "output_tokens": 2, "tokens_after_first": 1, "backend": {}},
    ),
    "openrouter_error": (
        "o",
        {
            "stream": ERRORED,
            "error_code": "502",
            "error": "Provider disconnected unexpectedly (Azure)",
            "text": "po",
        },
    ),
    "openrouter_choice_error": (
        "",
        {
            "stream": ERRORED,
            "error_code": "429",
            "error": "Provider returned error (Azure: openai/gpt-5-nano is rate-limited upstream)",
        },
    ),
    "openrouter_moderated": (
        "",
        {"stream": ERRORED, "error_code": "403", "error_type": "content_policy_violation"},
    ),
    "cerebras": ("ro", {"stream": COMPLETE, "text": "pong", "output_tokens": 8, "server_s": 0.25}),
    "vllm_metrics": ("o", {"stream": COMPLETE, "text": "pong", "server_s": 0.25}),
    "mistral_tool_call": (
        "o",
        {
            "stream": COMPLETE,
            "finish_reason": "tool_calls",
            "service_tier": "standard",
            "calls": (ToolCall("report_temperature", '{"city": "Paris", "celsius": 21}'),),
        },
    ),
    "qwen_filtered": ("", {"stream": ERRORED, "error_code": "data_inspection_failed"}),
    "crlf_multiline": ("o", {"stream": COMPLETE, "text": "pöng", "response_id": "c-1"}),
    "bare_cr_no_last_blank": ("o", {"stream": COMPLETE, "text": "pong"}),
    "no_space": ("oo", {"stream": COMPLETE, "text": "pong"}),
    "comments_between": ("oo", {"stream": COMPLETE, "text": "pong"}),
    "error_event": ("o", {"stream": ERRORED, "error_type": "error", "error": '{"detail":"upstream gone"}'}),
    "done_without_finish": ("o", {"stream": TRUNCATED, "text": "po"}),
    "usage_on_every_chunk": ("oo", {"stream": COMPLETE, "output_tokens": 8, "tokens_after_first": 5}),
    "usage_without_choices": ("o", {"stream": COMPLETE, "input_tokens": 9, "output_tokens": 1}),
    "usage_with_empty_choice": ("o", {"stream": COMPLETE, "input_tokens": 9, "output_tokens": 1}),
    "json_array": ("", {"malformed": True}),
    "html": ("", {"malformed": True}),
    "json_error_at_200": ("", {"stream": ERRORED, "error_type": "overloaded_error"}),
    "only_comments": ("", {"stream": TRUNCATED, "malformed": False}),
    "nothing": ("", {"stream": EMPTY}),
}


def read(
    pieces: list[bytes],
    workload: Workload = CHAT,
    dialect: OpenAIChat | None = None,
    *,
    closed: bool = True,
    content_type: str = "",
) -> tuple[list[Unit], Reading]:
    reader = (dialect or OpenAIChat()).read(workload, {"content-type": content_type}, EVENT_BYTES)
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
    "name", [name for name, (_, said) in RECORDED.items() if said.get("stream") is COMPLETE]
)
def test_a_broken_connection_makes_whatever_was_not_finished_truncated(name: str) -> None:
    """The end mark decides: what comes before it is truncated wherever the cut falls, and never complete."""
    body = (STREAMS / f"{name}.sse").read_bytes()
    end = body.index(b"[DONE]")
    for at in range(end):
        assert read([body[:at]], closed=False)[1].stream is TRUNCATED


def test_an_implicit_end_mark_needs_only_a_finish_reason() -> None:
    body = (STREAMS / "openai_no_end_mark.sse").read_bytes()
    assert read([body], dialect=OpenAIChat(end_mark="implicit"))[1].stream is COMPLETE
    cut = body[: body.rindex(b"data:")]
    assert read([cut], dialect=OpenAIChat(end_mark="implicit"))[1].stream is TRUNCATED
    assert read([body], dialect=OpenAIChat(end_mark="implicit"), closed=False)[1].stream is TRUNCATED


def test_an_end_mark_without_a_finish_reason_is_not_complete() -> None:
    body = b'data: {"choices":[{"delta":{"content":"po"}}]}\n\ndata: [DONE]\n\n'
    assert read([body])[1].stream is TRUNCATED


@pytest.mark.parametrize("whole", [False, True])
def test_who_served_is_told_by_the_fields_that_a_row_names(whole: bool) -> None:  # noqa: FBT001 - pytest passes by name
    dialect = OpenAIChat(backend={"provider": "upstream", "absent": "region"})
    body = json.dumps({**COMPLETION, "provider": "Azure"}).encode()
    if not whole:
        body = (STREAMS / "openrouter.sse").read_bytes()
    _, reading = read([body], SYNC if whole else CHAT, dialect)
    assert (reading.stream, reading.backend) == (COMPLETE, {"upstream": "Azure"})


@pytest.mark.parametrize(
    "metrics",
    [
        {"time_to_first_token_ms": 85.0, "queue_time_ms": 12.0},
        {"time_to_first_token_ms": 85.0, "queue_time_ms": None, "generation_time_ms": 1.0},
        {"time_to_first_token_ms": "85", "queue_time_ms": 1, "generation_time_ms": -1.0},
        [1, 2],
    ],
)
def test_a_servers_account_of_its_time_that_is_not_whole_is_none(metrics: Any) -> None:
    assert read([json.dumps({**COMPLETION, "metrics": metrics}).encode()], SYNC)[1].server_s is None


def test_nothing_more_is_awaited_after_the_end_mark() -> None:
    reader = OpenAIChat().read(CHAT, {}, EVENT_BYTES)
    body = (STREAMS / "openai.sse").read_bytes()
    list(reader.feed(body[:-9]))
    assert not reader.done
    list(reader.feed(body[-9:]))
    assert reader.done


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'data: {"choices":[\n\n', "text/event-stream"),
        (b"data: " + b"x" * (EVENT_BYTES + 1), "text/event-stream"),
        (b'data: [{"choices":[]}]\n\n', "text/event-stream"),
        (b"data: pong\n\n", "text/event-stream"),
        (b'{"object":"chat.completion","choices":[]}', "application/json"),
        (b"ok", "text/plain"),
        (b"\xff\xfe\x00garbage", "text/event-stream"),
        ((STREAMS / "openai.sse").read_bytes(), "text/html; charset=utf-8"),
    ],
    ids=[
        "half JSON",
        "too long",
        "an array",
        "a bare word",
        "no stream",
        "plain text",
        "binary",
        "HTML by its type",
    ],
)
def test_what_is_not_the_protocol_is_malformed(body: bytes, content_type: str) -> None:
    _, reading = read([body], content_type=content_type)
    assert reading.malformed
    assert reading.error or reading.sentence


@pytest.mark.parametrize(
    "body", [b'{"choices":[{"message":{"content":"pong"}}]}', b'\n{\n "choices": [],' + b" " * 70_000 + b"}"]
)
def test_a_whole_answer_that_should_have_streamed_is_known_for_one(body: bytes) -> None:
    """Also where it is longer than what is kept of it."""
    _, reading = read([body], content_type="application/json")
    assert (reading.malformed, reading.sentence) == (True, "the endpoint did not stream; use kind chat-sync")


@pytest.mark.parametrize(
    ("event", "max_tokens", "most"),
    [
        (b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', 256, 10_000),
        (b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', 600, 12_000),
        (b"data: {}\n\n", 256, 10_000),
    ],
    ids=["units", "many tokens", "empty chunks"],
)
def test_a_flood_of_events_is_left_at_a_bound_far_beyond_the_most_tokens(
    event: bytes, max_tokens: int, most: int
) -> None:
    reader = OpenAIChat().read(dataclasses.replace(CHAT, max_tokens=max_tokens), {}, EVENT_BYTES)
    for _ in range(most // 100):
        list(reader.feed(event * 100))
    before = reader.done
    list(reader.feed(event * 100))
    assert (before, reader.done) == (False, True)
    assert f"more than {most} events" in (reader.finish(closed=False).sentence or "")


def test_a_flood_of_comments_is_left_too() -> None:
    reader = OpenAIChat().read(CHAT, {}, EVENT_BYTES)
    for _ in range(101):
        list(reader.feed(b":\n" * 1000))
    assert reader.done
    assert reader.finish(closed=False).error == "the body has more than 100000 lines"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "delta", "message", "content", "usage", "error", "id", "tool_calls", "function"]
            )
            | st.sampled_from(
                ["finish_reason", "completion_tokens", "prompt_tokens_details", "model", "text", "type"]
            )
            | st.sampled_from(["x_groq", "metrics", "time_info", "total_time", "service_tier", "metadata"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=4), st.booleans())
def test_no_json_whatever_breaks_a_reader(chunks: list[Any], closed: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
    stream = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    read([stream], closed=closed)
    read([json.dumps(chunks[0] if chunks else None).encode()], SYNC, closed=closed)


COMPLETION = {
    "id": "c-9",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1},
}


def whole(**message: Any) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", **message},
        "finish_reason": message.pop("finish", "stop"),
    }
    return json.dumps({**COMPLETION, "choices": [choice]}).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            json.dumps(COMPLETION).encode(),
            {"stream": COMPLETE, "text": "pong", "input_tokens": 5, "response_id": "c-9"},
        ),
        (b"\n\n\n\n" + json.dumps(COMPLETION).encode(), {"stream": COMPLETE, "text": "pong"}),
        (whole(content=""), {"stream": EMPTY}),
        (whole(content="", finish="length"), {"stream": COMPLETE}),
        (whole(content=None, reasoning_content="hm"), {"stream": COMPLETE, "text": ""}),
        (whole(content="po", finish="error"), {"stream": ERRORED}),
        (
            b'{"choices":[{"message":{"content":""},"error":{"code":502,"message":"gone"}}]}',
            {"stream": ERRORED, "error_code": "502", "error": "gone"},
        ),
        (b'{"error":{"message":"no","code":"insufficient_quota"}}', {"stream": ERRORED}),
        (b'{"object":"list","data":[]}', {"malformed": True}),
        (b"<html>", {"malformed": True}),
        (b"", {"stream": EMPTY}),
        (b"\n\n", {"stream": EMPTY}),
    ],
)
def test_a_whole_answer_is_read_at_any_split(body: bytes, expected: dict[str, Any]) -> None:
    for at in range(len(body) + 1):
        units, reading = read([body[:at], body[at:]], SYNC)
        assert units == []
        assert {field: getattr(reading, field) for field in expected} == expected
    assert read([body], SYNC, closed=False)[1].stream is TRUNCATED


def sent(workload: Workload = CHAT, dialect: OpenAIChat | None = None) -> dict[str, Any]:
    request = (dialect or OpenAIChat()).request("https://h/v1/chat/completions", TARGET, workload, "n0nce")
    assert (request.method, request.streamed) == ("POST", workload.kind == "chat")
    body = json.loads(request.body)
    assert isinstance(body, dict)
    return body


def test_a_streamed_request_is_minimal_and_begins_with_its_nonce() -> None:
    assert sent() == {
        "model": "gpt-5-nano",
        "messages": [{"role": "user", "content": "[n0nce] Reply with the single word: pong"}],
        "max_completion_tokens": 256,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_whole_request_does_not_stream() -> None:
    assert not {"stream", "stream_options"} & set(sent(SYNC))


def test_a_vendors_own_fields_are_followed() -> None:
    asked = dataclasses.replace(CHAT, reasoning="minimal")
    assert sent(asked)["reasoning_effort"] == "minimal"
    body = sent(asked, OpenAIChat(cap="max_tokens", stream_options=None, reasoning=False))
    assert body["max_tokens"] == 256
    assert not {"max_completion_tokens", "stream_options", "reasoning_effort", "temperature"} & set(body)
