"""What OCI's chat says, read from recorded bytes at every split, and how its models are asked."""

import dataclasses
import json
import pathlib
from typing import Any

import pytest

from probes import tasks
from probes.base import Reading, ToolCall, Unit
from probes.dialects.oci_chat import OciChat
from probes.result import StreamVerdict
from probes.target import Kind, Target, Workload

STREAMS = pathlib.Path(__file__).parents[3] / "streams"
CHAT = Workload(name="chat")
SYNC = Workload(name="sync", kind="chat-sync")
TARGET = Target(
    name="t",
    provider="oci",
    cloud="oci",
    model="llama",
    model_id="meta.llama-3.3-70b-instruct",
    endpoint="https://h",
    group="t",
    compartment="ocid1.compartment.oc1..c",
)
CALL = ToolCall("report_temperature", '{"city":"Brno","celsius":21}')

COMPLETE, TRUNCATED = StreamVerdict.COMPLETE, StreamVerdict.TRUNCATED
ERRORED, EMPTY = StreamVerdict.ERRORED, StreamVerdict.EMPTY

RECORDED: dict[str, tuple[str, dict[str, Any]]] = {
    # recorded stream: units (r: reasoning, o: output), and what the reading says
    "oci/generic": (
        "oo",
        {
            "stream": COMPLETE,
            "text": "pong",
            "finish_reason": "stop",
            "input_tokens": 19,
            "output_tokens": 2,
            "tokens_after_first": 1,
        },
    ),
    "oci/blank_lines": (
        "oo",
        {
            "stream": COMPLETE,
            "text": "pöng",
            "finish_reason": "stop",
            "output_tokens": 2,
            "service_tier": "default",
        },
    ),
    "oci/reasoning": (
        "rro",
        {
            "stream": COMPLETE,
            "text": "pong",
            "output_tokens": 9,
            "reasoning_tokens": 7,
            "cached_tokens": 0,
        },
    ),
    "oci/length": ("", {"stream": COMPLETE, "finish_reason": "length", "reasoning_tokens": 256}),
    "oci/tool_call": (
        "ooo",
        {"stream": COMPLETE, "finish_reason": "tool_calls", "text": "", "calls": (CALL,)},
    ),
    "oci/two_tool_calls": ("ooo", {"calls": (ToolCall("one", "{}"), ToolCall("two", '{"x":1}'))}),
    "oci/filtered": ("o", {"stream": COMPLETE, "finish_reason": "content_filter"}),
    "oci/error_in_stream": (
        "o",
        {"stream": ERRORED, "error_code": "TooManyRequests", "error": "Too many tokens in this minute"},
    ),
    "oci/error_object": ("o", {"stream": ERRORED, "error_code": "InternalServerError"}),
    "oci/finish_error": (
        "o",
        {"stream": ERRORED, "error_type": "error", "error": "the finish reason is ERROR"},
    ),
    "oci/cancelled": ("o", {"stream": ERRORED, "error_type": "user_cancel"}),
    "oci/truncated": ("oo", {"stream": TRUNCATED, "text": "pong", "finish_reason": None}),
    "oci/cohere": (
        "oo",
        {"stream": COMPLETE, "text": "pong", "finish_reason": "stop", "tokens_after_first": 1},
    ),
    "oci/cohere_trimmed": ("oo", {"stream": COMPLETE, "text": " pong\n"}),
    "oci/cohere_at_once": ("o", {"stream": COMPLETE, "text": "pong", "finish_reason": "length"}),
    "oci/cohere_toxic": ("o", {"stream": COMPLETE, "text": "po", "finish_reason": "content_filter"}),
    "oci/cohere_limit": ("", {"stream": ERRORED, "error_type": "error_limit"}),
    "oci/cohere_error": ("o", {"stream": ERRORED, "error": "the model is not available", "text": "po"}),
    "oci/cohere_tool_call": (
        "o",
        {"stream": COMPLETE, "calls": (ToolCall(CALL.name, '{"city": "Brno", "celsius": 21}'),)},
    ),
    "oci/cohere_v2": ("roo", {"stream": COMPLETE, "text": "pong", "response_id": "b7"}),
    "oci/cohere_v2_tool_call": ("roo", {"stream": COMPLETE, "calls": (CALL,)}),
    "html": ("", {"malformed": True}),
    "json_error_at_200": ("", {"stream": ERRORED, "error_type": "overloaded_error"}),
    "only_comments": ("", {"stream": TRUNCATED, "malformed": False}),
    "nothing": ("", {"stream": EMPTY}),
}


def read(
    pieces: list[bytes], workload: Workload = CHAT, *, closed: bool = True
) -> tuple[list[Unit], Reading]:
    reader = OciChat().read(workload, {}, 1 << 20)
    units: list[Unit] = []
    for piece in pieces:
        units += reader.feed(piece)
    return units, reader.finish(closed=closed)


def test_every_recorded_stream_is_expected() -> None:
    assert {f"oci/{path.stem}" for path in (STREAMS / "oci").iterdir()} <= set(RECORDED)


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_stream_is_read_alike_at_every_split(name: str) -> None:
    body = (STREAMS / f"{name}.sse").read_bytes()
    kinds, expected = RECORDED[name]
    for at in range(len(body) + 1):
        units, reading = read([body[:at], body[at:]])
        assert "".join(unit.kind[0] for unit in units) == kinds
        assert {field: getattr(reading, field) for field in expected} == expected


def test_a_stream_that_broke_is_never_complete() -> None:
    body = (STREAMS / "oci/generic.sse").read_bytes()
    assert read([body], closed=False)[1].stream is TRUNCATED
    assert not OciChat().read(CHAT, {}, 1 << 20).done


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"code":"InternalServerError","message":"no"}', {"stream": ERRORED, "error": "no"}),
        (
            b'{"modelId":"m","chatResponse":{"apiFormat":"GENERIC"}}',
            {"malformed": True, "sentence": "the endpoint did not stream; use kind chat-sync"},
        ),
        (b"[]", {"malformed": True}),
        (b"data: []\n", {"malformed": True}),
    ],
)
def test_a_body_that_is_no_stream_is_said(body: bytes, expected: dict[str, Any]) -> None:
    reading = read([body])[1]
    assert {field: getattr(reading, field) for field in expected} == expected


def test_an_event_past_the_limit_and_a_flood_of_lines_are_left() -> None:
    reader = OciChat().read(CHAT, {}, 100)
    assert list(reader.feed(b"data: " + b"x" * 200)) == []
    assert reader.done
    assert "longer than 100 bytes" in (reader.finish(closed=False).error or "")
    assert "lines" in (read([b":\n" * 110_000])[1].error or "")


GENERIC = {
    "apiFormat": "GENERIC",
    "timeCreated": "2026-11-22T10:00:00Z",
    "choices": [
        {
            "index": 0,
            "message": {"role": "ASSISTANT", "content": [{"type": "TEXT", "text": "pong"}]},
            "finishReason": "stop",
        }
    ],
    "usage": {"promptTokens": 19, "completionTokens": 2, "totalTokens": 21},
}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            GENERIC,
            {
                "stream": COMPLETE,
                "text": "pong",
                "finish_reason": "stop",
                "output_tokens": 2,
                "response_model": "m-1",
                "backend": {"model_version": "1.0"},
            },
        ),
        (
            {"apiFormat": "COHERE", "text": "pong", "finishReason": "COMPLETE", "chatHistory": []},
            {"stream": COMPLETE, "text": "pong", "finish_reason": "stop"},
        ),
        (
            {
                "apiFormat": "COHEREV2",
                "id": "b7",
                "message": {"role": "ASSISTANT", "content": [{"type": "TEXT", "text": "pong"}]},
                "finishReason": "COMPLETE",
            },
            {"stream": COMPLETE, "text": "pong", "response_id": "b7"},
        ),
        (
            {"apiFormat": "COHERE", "text": "", "finishReason": "ERROR", "errorMessage": "gone"},
            {"stream": ERRORED, "error": "gone"},
        ),
        ({"apiFormat": "GENERIC", "choices": []}, {"stream": EMPTY}),
        ({"apiFormat": "GENERIC", "choices": [{"finishReason": "length"}]}, {"stream": COMPLETE}),
    ],
)
def test_a_whole_answer_is_read_at_any_split(answer: dict[str, Any], expected: dict[str, Any]) -> None:
    body = json.dumps({"modelId": "m-1", "modelVersion": "1.0", "chatResponse": answer}).encode()
    for at in range(len(body) + 1):
        units, reading = read([body[:at], body[at:]], SYNC)
        assert units == []
        assert {field: getattr(reading, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"code":"TooManyRequests","message":"slow"}',
            {"stream": ERRORED, "error_code": "TooManyRequests"},
        ),
        (b'{"choices":[]}', {"malformed": True}),
        (b"", {"stream": EMPTY}),
    ],
)
def test_a_whole_body_that_is_no_answer_is_said(body: bytes, expected: dict[str, Any]) -> None:
    reading = read([body], SYNC)[1]
    assert {field: getattr(reading, field) for field in expected} == expected


def sent(
    workload: Workload = CHAT, model: str = TARGET.model_id, dialect: OciChat | None = None, **more: Any
) -> dict[str, Any]:
    target = dataclasses.replace(TARGET, model_id=model, **more)
    request = (dialect or OciChat()).request("https://h/20231130/actions/chat", target, workload, "n0nce")
    assert (request.method, request.streamed) == ("POST", workload.streamed)
    body = json.loads(request.body)
    assert isinstance(body, dict)
    return body


PROMPT = "[n0nce] Reply with the single word: pong"
MESSAGES = [{"role": "USER", "content": [{"type": "TEXT", "text": PROMPT}]}]
STREAMED = {"isStream": True, "streamOptions": {"isIncludeUsage": True}}


def test_a_model_of_most_families_is_asked_in_generic() -> None:
    assert sent() == {
        "compartmentId": "ocid1.compartment.oc1..c",
        "servingMode": {"servingType": "ON_DEMAND", "modelId": "meta.llama-3.3-70b-instruct"},
        "chatRequest": {"apiFormat": "GENERIC", "messages": MESSAGES, "maxTokens": 256, **STREAMED},
    }
    assert not {"isStream", "streamOptions"} & set(sent(SYNC)["chatRequest"])


def test_a_model_of_cohere_is_asked_in_its_format() -> None:
    asked = sent(model="cohere.command-a-03-2025")["chatRequest"]
    assert asked == {"apiFormat": "COHERE", "message": PROMPT, "maxTokens": 256, **STREAMED}
    asked = sent(model="cohere.command-a-03-2025", dialect=OciChat(cohere="COHEREV2"))["chatRequest"]
    assert asked == {"apiFormat": "COHEREV2", "messages": MESSAGES, "maxTokens": 256, **STREAMED}


def test_an_endpoint_on_a_dedicated_cluster_is_named_as_one_and_its_model_tells_the_family() -> None:
    ocid = "ocid1.generativeaiendpoint.oc1.eu-frankfurt-1.amaaaa"
    target = dataclasses.replace(TARGET, model="cohere.command-a-03-2025", model_id=ocid)
    body = json.loads(OciChat().request("https://h", target, CHAT, "n").body)
    assert body["servingMode"] == {"servingType": "DEDICATED", "endpointId": ocid}
    assert body["chatRequest"]["apiFormat"] == "COHERE"


@pytest.mark.parametrize(
    ("model", "cap", "effort"),
    [
        ("openai.gpt-5-nano", "maxCompletionTokens", True),
        ("openai.gpt-5", "maxCompletionTokens", True),
        ("openai.o3", "maxCompletionTokens", True),
        ("openai.gpt-oss-20b", "maxTokens", True),
        ("openai.gpt-4o", "maxTokens", True),
        ("xai.grok-4", "maxTokens", False),
        ("meta.llama-3.3-70b-instruct", "maxTokens", False),
    ],
)
def test_a_reasoning_model_has_its_own_cap_and_effort(model: str, cap: str, *, effort: bool) -> None:
    asked = sent(dataclasses.replace(CHAT, reasoning="minimal"), model)["chatRequest"]
    assert {"maxTokens", "maxCompletionTokens"} & set(asked) == {cap}
    assert asked.get("reasoningEffort") == ("MINIMAL" if effort else None)


@pytest.mark.parametrize(
    ("kind", "model", "v2", "expected"),
    [
        (
            "tools",
            "meta.llama",
            False,
            {
                "tools": [{"type": "FUNCTION", **tasks.TOOL._asdict()}],
                "toolChoice": {"type": "FUNCTION", "name": "report_temperature"},
            },
        ),
        (
            "tools",
            "cohere.command",
            True,
            {
                "tools": [{"type": "FUNCTION", "function": tasks.TOOL._asdict()}],
                "toolsChoice": "REQUIRED",
            },
        ),
        (
            "json",
            "meta.llama",
            False,
            {
                "responseFormat": {
                    "type": "JSON_SCHEMA",
                    "jsonSchema": {"name": "reading", "schema": tasks.SCHEMA, "isStrict": True},
                }
            },
        ),
        (
            "json",
            "cohere.command",
            False,
            {"responseFormat": {"type": "JSON_OBJECT", "schema": tasks.SCHEMA}},
        ),
    ],
)
def test_a_tool_and_a_shape_are_asked_for_in_each_formats_words(
    kind: Kind, model: str, *, v2: bool, expected: dict[str, Any]
) -> None:
    dialect = OciChat(cohere="COHEREV2" if v2 else "COHERE")
    asked = sent(Workload(name="w", kind=kind), model, dialect)["chatRequest"]
    assert {key: asked.get(key) for key in expected} == expected
    assert asked["isStream"] is True


def test_what_a_format_does_not_have_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"target t cannot be asked for kind tools: .* write api: cohere-v2"):
        sent(Workload(name="w", kind="tools"), "cohere.command-a-03-2025")
    with pytest.raises(ValueError, match="target t has no compartment: write compartment:"):
        sent(compartment=None)
