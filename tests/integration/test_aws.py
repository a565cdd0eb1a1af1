"""Bedrock and SageMaker are asked over the real transport, by servers that verify each signature."""

import dataclasses
import json
from pathlib import Path as File

import pytest

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from probes.framing.sse import write_event
from probes.result import Outcome, StreamVerdict
from probes.target import Kind
from support.clouds.aws import CONTAINED, CONVERSE, INVOKED, chunk
from support.clouds.aws_asking import API_KEY, CHAT, MODEL, SAGEMAKER, answered, lone_profile, target
from support.clouds.aws_server import Answer, streamed, whole

SSE = "".join(write_event(data).decode() for data in (chunk("po"), chunk("ng", "stop"), "[DONE]")).encode()
LISTED = {"modelSummaries": [{"modelId": MODEL}]}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "pong"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 21, "outputTokens": 1},
    "metrics": {"latencyMs": 80},
}
COMPLETION = {
    "choices": [{"message": {"content": "pong"}, "finish_reason": "stop"}],
    "usage": {"completion_tokens": 1},
}


@pytest.fixture
def profile(monkeypatch: pytest.MonkeyPatch, tmp_path: File) -> str:
    return lone_profile(monkeypatch, tmp_path)


WAYS: list[tuple[str, str, Kind, str, Answer]] = [
    # api, service, kind, path, what is answered
    (
        "converse",
        "bedrock",
        "chat",
        "/model/us.openai.gpt-oss-20b-1%3A0/converse-stream",
        streamed(CONVERSE["normal"]),
    ),
    ("converse", "bedrock", "chat-sync", "/model/us.openai.gpt-oss-20b-1%3A0/converse", whole(ANSWER)),
    ("converse", "bedrock", "models", "/foundation-models", whole(LISTED)),
    (
        "invoke",
        "bedrock",
        "chat",
        "/model/us.openai.gpt-oss-20b-1%3A0/invoke-with-response-stream",
        streamed(INVOKED["normal"]),
    ),
    (
        "invoke",
        "bedrock",
        "chat-sync",
        "/model/us.openai.gpt-oss-20b-1%3A0/invoke",
        whole(COMPLETION, x_amzn_bedrock_invocation_latency="80"),
    ),
    ("openai", "bedrock", "chat", "/openai/v1/chat/completions", streamed(SSE, "text/event-stream")),
    ("openai", "bedrock", "models", "/foundation-models", whole(LISTED)),
    ("mantle", "bedrock-mantle", "chat", "/v1/chat/completions", streamed(SSE, "text/event-stream")),
    ("mantle", "bedrock-mantle", "models", "/v1/models", whole({"data": []})),
]


@pytest.mark.parametrize(("api", "service", "kind", "path", "respond"), WAYS)
def test_each_way_of_bedrock_is_asked_once_and_signed(
    profile: str, api: str, service: str, kind: Kind, path: str, respond: Answer
) -> None:
    workload = dataclasses.replace(CHAT, kind=kind)
    result, asked = answered(respond, target(profile, api=api), workload, service=service)
    assert (result.outcome, result.error) == (Outcome.OK, None)
    assert (asked.method, asked.target) == ("GET" if kind == "models" else "POST", path)
    assert result.provider_request_id == "request-1"
    if kind == "models":
        return
    body = json.loads(asked.body)
    assert ("model" in body) == (api in {"openai", "mantle"})
    assert "Reply with the single word: pong" in str(body["messages"])
    assert result.finish_reason == "stop"
    assert result.auth_s is not None


@pytest.mark.parametrize(
    ("api", "kind", "expected"),
    [
        (
            "converse",
            "chat",
            {"server_s": 0.512, "input_tokens": 21, "output_tokens": 3, "service_tier": "default"},
        ),
        ("converse", "chat-sync", {"server_s": 0.08, "output_tokens": 1}),
        ("invoke", "chat", {"server_s": 0.48, "input_tokens": 21, "output_tokens": 2}),
        ("invoke", "chat-sync", {"server_s": 0.08, "output_tokens": 1}),
    ],
)
def test_what_bedrock_counts_and_times_is_kept(
    profile: str, api: str, kind: Kind, expected: dict[str, object]
) -> None:
    respond = next(way[4] for way in WAYS if (way[0], way[2]) == (api, kind))
    result, _ = answered(respond, target(profile, api=api), dataclasses.replace(CHAT, kind=kind))
    assert {name: getattr(result, name) for name in expected} == expected


def test_the_base_path_of_mantle_is_the_endpoints_where_it_has_one(profile: str) -> None:
    of = target(profile, api="mantle", endpoint="/openai/v1")
    _, asked = answered(streamed(SSE, "text/event-stream"), of, service="bedrock-mantle")
    assert asked.target == "/openai/v1/chat/completions"


def test_the_list_of_models_is_found_behind_the_base_url_of_openais_sdk_too(profile: str) -> None:
    of = target(profile, api="openai", endpoint="/openai/v1")
    _, asked = answered(whole(LISTED), of, dataclasses.replace(CHAT, kind="models"))
    assert asked.target == "/foundation-models"


def test_an_arn_is_one_step_of_the_path_and_signed_so(profile: str) -> None:
    arn = "arn:aws:bedrock:us-east-2:123456789012:inference-profile/us.amazon.nova-micro-v1:0"
    result, asked = answered(streamed(CONVERSE["normal"]), target(profile, model_id=arn))
    assert result.outcome is Outcome.OK
    assert asked.target.count("/") == 3
    assert "%3Ainference-profile%2Fus." in asked.target


def test_a_key_of_bedrock_is_sent_as_it_is() -> None:
    result, _ = answered(streamed(CONVERSE["normal"]), target(None), api_key=API_KEY)
    assert result.outcome is Outcome.OK


@pytest.mark.parametrize(
    ("kind", "path", "respond"),
    [
        (
            "chat",
            "/endpoints/vllm-prod/invocations-response-stream",
            streamed(CONTAINED["normal"], x_Amzn_Invoked_Production_Variant="blue"),
        ),
        (
            "chat-sync",
            "/endpoints/vllm-prod/invocations",
            whole(COMPLETION, x_Amzn_Invoked_Production_Variant="blue"),
        ),
        ("models", "/", whole({"EndpointName": "vllm-prod", "EndpointStatus": "InService"})),
    ],
)
def test_a_container_on_sagemaker_is_asked_once_and_signed(
    profile: str, kind: Kind, path: str, respond: Answer
) -> None:
    workload = dataclasses.replace(CHAT, kind=kind)
    result, asked = answered(respond, target(profile, **SAGEMAKER), workload, service="sagemaker")
    assert (result.outcome, result.error) == (Outcome.OK, None)
    assert (asked.method, asked.target) == ("POST", path)
    body = json.loads(asked.body)
    assert "model" not in body
    if kind == "models":
        assert asked.headers["x-amz-target"] == "SageMaker.DescribeEndpoint"
        assert body == {"EndpointName": "vllm-prod"}
    else:
        assert result.backend["variant"] == "blue"
        assert result.finish_reason == "stop"


@pytest.mark.parametrize("status", ["OutOfService", "Failed", "Creating"])
def test_an_endpoint_that_is_not_in_service_fails_with_its_state(profile: str, status: str) -> None:
    respond = whole({"EndpointStatus": status, "FailureReason": "no capacity"})
    workload = dataclasses.replace(CHAT, kind="models")
    result, _ = answered(respond, target(profile, **SAGEMAKER), workload, service="sagemaker")
    assert (result.outcome, result.error_code) == (Outcome.SERVER_ERROR, status)
    assert "no capacity" in (result.error or "")


def test_a_forced_tool_call_is_noted(profile: str) -> None:
    workload = dataclasses.replace(CHAT, kind="tools")
    result, asked = answered(streamed(CONVERSE["tool"]), target(profile), workload)
    assert result.finish_reason == "tool_calls"
    assert json.loads(asked.body)["toolConfig"]["toolChoice"] == {"tool": {"name": "report_temperature"}}
    assert result.stream is StreamVerdict.COMPLETE


@pytest.mark.parametrize(
    ("name", "outcome", "code"),
    [
        ("throttled", Outcome.THROTTLED, "throttlingException"),
        ("unavailable", Outcome.OVERLOADED, "serviceUnavailableException"),
        ("invalid", Outcome.CONFIG, "validationException"),
        ("model_error", Outcome.SERVER_ERROR, "modelStreamErrorException"),
        ("failed", Outcome.SERVER_ERROR, "internalServerException"),
        ("unmodelled", Outcome.SERVER_ERROR, "InternalFailure"),
        ("filtered", Outcome.CONTENT_FILTER, "content_filter"),
        ("guarded", Outcome.CONTENT_FILTER, "content_filter"),
        ("capped", Outcome.OK, None),
        ("no_metadata", Outcome.TRUNCATED, None),
        ("truncated", Outcome.TRUNCATED, None),
        ("empty", Outcome.EMPTY, None),
    ],
)
def test_a_stream_of_converse_has_the_outcome_of_how_it_ended(
    profile: str, name: str, outcome: Outcome, code: str | None
) -> None:
    result, _ = answered(streamed(CONVERSE[name]), target(profile))
    assert (result.outcome, result.error_code) == (outcome, code)


@pytest.mark.parametrize(
    ("api", "respond"),
    [
        ("converse", streamed(SSE, "text/event-stream")),
        ("converse", whole([{"candidates": []}])),
        ("converse", streamed(b"<html>Sign in</html>", "text/html")),
        ("openai", streamed(CONVERSE["normal"])),
        ("invoke", streamed(SSE, "text/event-stream")),
    ],
)
def test_another_framing_than_is_due_is_malformed(profile: str, api: str, respond: Answer) -> None:
    result, _ = answered(respond, target(profile, api=api))
    assert result.outcome is Outcome.MALFORMED
