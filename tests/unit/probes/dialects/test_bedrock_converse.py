"""What Converse says, read from frames at every split."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import tasks
from probes.base import Reading, ToolCall, Unit
from probes.dialects.bedrock_converse import BedrockConverse
from probes.framing.aws import write_event
from probes.result import StreamVerdict
from probes.target import Target, Workload
from support.clouds.aws import CONVERSE, PONG, START, metadata, stop

COMPLETE, TRUNCATED = StreamVerdict.COMPLETE, StreamVerdict.TRUNCATED
ERRORED, EMPTY = StreamVerdict.ERRORED, StreamVerdict.EMPTY
TARGET = Target(
    name="t",
    provider="bedrock",
    cloud="aws",
    model="nova",
    model_id="amazon.nova-micro-v1:0",
    endpoint="https://h",
    group="t",
)
CHAT = Workload(name="chat")
SYNC = Workload(name="sync", kind="chat-sync")

SAID: dict[str, tuple[str, dict[str, Any]]] = {
    # stream: units (r: reasoning, o: output), and what the reading says
    "normal": (
        "oo",
        {
            "stream": COMPLETE,
            "text": "pong",
            "finish_reason": "stop",
            "input_tokens": 21,
            "output_tokens": 3,
            "cached_tokens": 4,
            "server_s": 0.512,
            "service_tier": "default",
            "backend": {"performance": "optimized"},
        },
    ),
    "reasoning": ("ro", {"stream": COMPLETE, "text": "pong", "finish_reason": "stop"}),
    "redacted": ("ro", {"stream": COMPLETE, "text": "pong"}),
    "tool": (
        "ooo",
        {
            "stream": COMPLETE,
            "text": "",
            "finish_reason": "tool_calls",
            "calls": (ToolCall("f", '{"city":"Bern"}'),),
        },
    ),
    "capped": ("", {"stream": COMPLETE, "finish_reason": "length", "output_tokens": 256}),
    "filtered": ("o", {"stream": COMPLETE, "finish_reason": "content_filter"}),
    "guarded": ("o", {"stream": COMPLETE, "finish_reason": "content_filter"}),
    "malformed_tool": ("o", {"stream": COMPLETE, "finish_reason": "malformed_tool_use"}),
    "routed": (
        "oo",
        {
            "stream": COMPLETE,
            "finish_reason": "stop",
            "response_model": "arn:aws:bedrock:us-east-1::model/x",
        },
    ),
    "throttled": (
        "",
        {"stream": ERRORED, "error_type": "throttlingException", "error": "Too many requests, please wait."},
    ),
    "unavailable": (
        "o",
        {"stream": ERRORED, "error_type": "serviceUnavailableException", "error": "no capacity"},
    ),
    "invalid": (
        "",
        {"stream": ERRORED, "error_type": "validationException", "error": "The model is wrong."},
    ),
    "model_error": (
        "o",
        {"stream": ERRORED, "error_type": "modelStreamErrorException", "error": "broken", "text": "po"},
    ),
    "failed": ("o", {"stream": ERRORED, "error_type": "internalServerException", "error": "gone"}),
    "unmodelled": ("", {"stream": ERRORED, "error_type": "InternalFailure", "error": "gone"}),
    "empty": ("", {"stream": EMPTY, "finish_reason": "stop"}),
    "no_metadata": ("oo", {"stream": TRUNCATED, "finish_reason": "stop"}),
    "truncated": ("oo", {"stream": TRUNCATED, "text": "pong", "finish_reason": None}),
    "unknown_events": ("oo", {"stream": COMPLETE, "text": "pong"}),
    "nothing": ("", {"stream": EMPTY}),
}


def read(
    pieces: list[bytes], workload: Workload = CHAT, *, closed: bool = True
) -> tuple[list[Unit], Reading]:
    reader = BedrockConverse().read(workload, {}, 1 << 20)
    units: list[Unit] = []
    for piece in pieces:
        units += reader.feed(piece)
        if reader.done:
            break
    return units, reader.finish(closed=closed)


def test_every_stream_is_expected() -> None:
    assert CONVERSE.keys() == SAID.keys()


@pytest.mark.parametrize("name", SAID)
def test_a_stream_is_read_as_it_was_meant_however_it_is_cut(name: str) -> None:
    kinds, expected = SAID[name]
    body = CONVERSE[name]
    units, reading = whole = read([body])
    assert "".join(unit.kind[0] for unit in units) == kinds
    assert {field: getattr(reading, field) for field in expected} == expected
    assert all(read([body[:at], body[at:]]) == whole for at in range(len(body) + 1))
    assert read([body[at : at + 1] for at in range(len(body))]) == whole


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "broken"])
@pytest.mark.parametrize("name", [name for name, (_, said) in SAID.items() if said["stream"] is COMPLETE])
def test_whatever_ends_before_the_metadata_do_is_truncated(name: str, closed: bool) -> None:  # noqa: FBT001 - a parameter
    """Also where the connection was closed in order, and also within the very first frame."""
    body = CONVERSE[name]
    for at in range(1, len(body)):
        _, reading = read([body[:at]], closed=closed)
        assert (reading.stream, reading.malformed) == (TRUNCATED, False)


def test_nothing_more_is_awaited_once_the_metadata_came_after_the_stop() -> None:
    reader = BedrockConverse().read(CHAT, {}, 1 << 20)
    list(reader.feed(START + metadata() + PONG + stop("end_turn")))
    assert not reader.done
    list(reader.feed(metadata()))
    assert reader.done


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b'data: {"choices":[]}\n\n', 'the bytes are no AWS event stream: data: {"choi'),
        (b"<html>Sign in</html>", "the bytes are no AWS event stream: <html>Sign i"),
        (b'[{"candidates":[]}]', 'the body holds no event: [{"candidates":[]}]'),
        (write_event("messageStart", b"pong"), "an event is no JSON object: pong"),
        (START[:-1] + b"\x00", "a message was damaged on its way: its checksum does not fit"),
        (write_event("messageStart", b"pong") + b"data: data: data:", "an event is no JSON object: pong"),
    ],
)
def test_what_is_no_answer_of_converse_is_malformed(body: bytes, wrong: str) -> None:
    for at in range(len(body) + 1):
        reading = read([body[:at], body[at:]])[1]
        assert reading.malformed
        assert reading.error == wrong


def test_a_whole_answer_that_should_have_streamed_and_a_refusal_at_200_are_known_for_what_they_are() -> None:
    assert (
        read([b'{"output":{"message":{}}}'])[1].sentence == "the endpoint did not stream; use kind chat-sync"
    )
    assert read([b'{"error":{"message":"no","code":"insufficient_quota"}}'])[1].stream is ERRORED


ANSWER: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "pong"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 21, "outputTokens": 1, "totalTokens": 22},
    "metrics": {"latencyMs": 80},
}


def whole(*content: dict[str, Any], reason: str = "end_turn") -> bytes:
    message = {"message": {"role": "assistant", "content": list(content)}}
    return json.dumps({**ANSWER, "output": message, "stopReason": reason}).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            json.dumps(ANSWER).encode(),
            {
                "stream": COMPLETE,
                "text": "pong",
                "input_tokens": 21,
                "server_s": 0.08,
                "finish_reason": "stop",
            },
        ),
        (
            whole({"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "pong"}),
            {"stream": COMPLETE, "text": "pong"},
        ),
        (
            whole({"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}}}, reason="tool_use"),
            {"stream": COMPLETE, "calls": (ToolCall("f", '{"a": 1}'),), "finish_reason": "tool_calls"},
        ),
        (whole(), {"stream": EMPTY}),
        (whole(reason="max_tokens"), {"stream": COMPLETE, "finish_reason": "length"}),
        (b'{"modelSummaries":[]}', {"malformed": True}),
        (b"", {"stream": EMPTY}),
    ],
)
def test_a_whole_answer_is_read(body: bytes, expected: dict[str, Any]) -> None:
    reading = read([body], SYNC)[1]
    assert {field: getattr(reading, field) for field in expected} == expected
    assert read([body], SYNC, closed=False)[1].stream is TRUNCATED


def sent(workload: Workload = CHAT, target: Target = TARGET) -> dict[str, Any]:
    request = BedrockConverse().request("https://h/model/m/converse-stream", target, workload, "n0nce")
    assert (request.method, request.streamed) == ("POST", workload.streamed)
    body = json.loads(request.body)
    assert isinstance(body, dict)
    return body


PROMPT = [{"role": "user", "content": [{"text": "[n0nce] Reply with the single word: pong"}]}]


@pytest.mark.parametrize("workload", [CHAT, SYNC])
def test_a_request_is_minimal_and_begins_with_its_nonce(workload: Workload) -> None:
    assert sent(workload) == {"messages": PROMPT, "inferenceConfig": {"maxTokens": 256}}


def test_a_tool_is_forced_by_its_name() -> None:
    config = sent(Workload(name="w", kind="tools"))["toolConfig"]
    assert config["toolChoice"] == {"tool": {"name": tasks.TOOL.name}}
    assert config["tools"][0]["toolSpec"]["inputSchema"] == {"json": tasks.TOOL.parameters}


def test_an_answer_in_json_is_asked_for_by_its_schema_as_text() -> None:
    workload = Workload(name="w", kind="json", schema={"type": "object"})
    text = sent(workload)["outputConfig"]["textFormat"]
    assert text["type"] == "json_schema"
    assert text["structure"]["jsonSchema"] == {"name": tasks.SCHEMA_NAME, "schema": '{"type": "object"}'}


def test_effort_is_told_to_the_models_that_are_known_to_take_it() -> None:
    asked = dataclasses.replace(CHAT, reasoning="low")
    assert "additionalModelRequestFields" not in sent(asked)
    openai = dataclasses.replace(TARGET, model_id="us.openai.gpt-oss-20b-1:0")
    assert sent(asked, openai)["additionalModelRequestFields"] == {"reasoning_effort": "low"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["delta", "start", "text", "toolUse", "reasoningContent", "usage", "output"])
            | st.sampled_from(["stopReason", "content", "message", "metrics", "latencyMs", "input", "name"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
EVENTS = st.tuples(
    st.sampled_from(["contentBlockDelta", "contentBlockStart", "messageStop", "metadata", "other"]), JSON
)


@given(st.lists(EVENTS, max_size=5), st.booleans())
def test_no_json_whatever_breaks_a_reader(events: list[tuple[str, Any]], closed: bool) -> None:  # noqa: FBT001 - hypothesis passes by name
    read([write_event(kind, json.dumps(payload).encode()) for kind, payload in events], closed=closed)
    read([json.dumps(events[0][1] if events else None).encode()], SYNC, closed=closed)
