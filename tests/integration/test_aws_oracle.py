"""AWS's own library reads the same out of our streams, and would ask as we do."""

import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from probes import catalog
from probes.base import Reading
from probes.dialects.bedrock_converse import _FINISHED, BedrockConverse
from probes.errors import error_body
from probes.framing.aws import PayloadStream, write_message
from probes.result import StreamVerdict
from probes.target import Kind, Target, Workload
from support import oracles
from support.clouds.aws import CONTAINED, CONVERSE, INVOKED

pytestmark = [pytest.mark.heavy, oracles.needs("botocore")]

TARGET = Target(
    name="t",
    provider="bedrock",
    cloud="aws",
    model="m",
    model_id="arn:aws:bedrock:us-east-1:1:inference-profile/us.openai.gpt-oss-20b-1:0",
    endpoint="https://h",
    group="g",
)
CHAT = Workload(name="chat")


def consult(ask: str, questions: Sequence[dict[str, Any]]) -> list[Any]:
    return oracles.consult("botocore", [{"ask": ask, **question} for question in questions])


def streams(service: str, name: str, bodies: Mapping[str, bytes]) -> dict[str, Any]:
    """Return what botocore makes of each body."""
    asked = [
        {"service": service, "name": name, "body": base64.b64encode(body).decode()}
        for body in bodies.values()
    ]
    return dict(zip(bodies, consult("stream", asked), strict=True))


def readings(api: str, bodies: Mapping[str, bytes], provider: str = "bedrock") -> dict[str, Reading]:
    """Return what we make of each body."""
    dialect = catalog.PROVIDERS[provider].apis[api].calls["chat"].dialect
    found = {}
    for name, body in bodies.items():
        reader = dialect.read(CHAT, {}, 1 << 20)
        list(reader.feed(body))
        found[name] = reader.finish(closed=True)
    return found


def failure(reading: Reading) -> tuple[str, str] | None:
    return (
        (reading.error_type or "", reading.error or "") if reading.stream is StreamVerdict.ERRORED else None
    )


def theirs(said: dict[str, Any]) -> tuple[str, str] | None:
    return None if said["error"] is None else (said["error"]["Code"], said["error"]["Message"])


def test_converse_says_the_same() -> None:
    said, ours = streams("bedrock-runtime", "ConverseStream", CONVERSE), readings("converse", CONVERSE)
    for name, reading in ours.items():
        events = said[name]["events"]
        deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
        stops = [event["messageStop"]["stopReason"] for event in events if "messageStop" in event]
        tools = [delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta]
        usage = [event["metadata"]["usage"] for event in events if "metadata" in event]
        assert reading.text == "".join(delta.get("text", "") for delta in deltas), name
        assert reading.finish_reason == (_FINISHED.get(stops[-1], stops[-1]) if stops else None), name
        assert "".join(call.arguments for call in reading.calls) == "".join(tools), name
        assert failure(reading) == theirs(said[name]), name
        counted = (reading.input_tokens, reading.output_tokens, reading.cached_tokens)
        names = ("inputTokens", "outputTokens", "cacheReadInputTokens")
        assert counted == tuple(usage[-1][each] if usage else None for each in names), name
        assert (reading.stream is StreamVerdict.TRUNCATED) == (
            not usage and theirs(said[name]) is None and bool(events)
        ), name


def test_an_invoked_model_says_the_same() -> None:
    said = streams("bedrock-runtime", "InvokeModelWithResponseStream", INVOKED)
    for name, reading in readings("invoke", INVOKED).items():
        chunks = [base64.b64decode(event["chunk"]["bytes"]["base64"]) for event in said[name]["events"]]
        parsed = [json.loads(chunk) for chunk in chunks if chunk != b"[DONE]"]
        assert reading.text == "".join(chunk["choices"][0]["delta"]["content"] for chunk in parsed), name
        assert failure(reading) == theirs(said[name]), name


def test_a_container_says_the_same() -> None:
    said = streams("sagemaker-runtime", "InvokeEndpointWithResponseStream", CONTAINED)
    for name, reading in readings("openai", CONTAINED, "sagemaker").items():
        parts = [base64.b64decode(event["PayloadPart"]["Bytes"]["base64"]) for event in said[name]["events"]]
        frames = PayloadStream()
        found = [event.data for event in frames.feed(CONTAINED[name]) if not event.failed]
        assert b"".join(parts).decode().count("\n\n") == len(found), name
        assert failure(reading) == theirs(said[name]), name


def test_every_type_of_header_is_read_as_it_was_written() -> None:
    """One that the service model does not know changes nothing."""
    odd: dict[str, Any] = {
        ":message-type": "event",
        ":event-type": "messageStop",
        "a": True,
        "b": -1,
        "c": b"\xff",
        "d": "ö",
    }
    body = write_message(odd, b'{"stopReason":"end_turn"}')
    (said,) = streams("bedrock-runtime", "ConverseStream", {"odd": body}).values()
    assert said["events"] == [{"messageStop": {"stopReason": "end_turn"}}]


def test_a_whole_answer_of_converse_says_the_same() -> None:
    body = {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm"}}},
                    {"text": "pong"},
                    {"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": [1]}}},
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 12},
        "metrics": {"latencyMs": 80},
    }
    raw = json.dumps(body).encode()
    asked = {"status": 200, "headers": {}, "body": base64.b64encode(raw).decode()}
    (said,) = consult("whole", [{"service": "bedrock-runtime", "name": "Converse", **asked}])
    reader = BedrockConverse().read(dataclasses.replace(CHAT, kind="chat-sync"), {}, 1 << 20)
    list(reader.feed(raw))
    reading = reader.finish(closed=True)
    blocks = said["output"]["message"]["content"]
    assert reading.text == "".join(block.get("text", "") for block in blocks)
    assert [json.loads(call.arguments) for call in reading.calls] == [
        block["toolUse"]["input"] for block in blocks if "toolUse" in block
    ]
    assert (reading.input_tokens, reading.output_tokens) == (
        said["usage"]["inputTokens"],
        said["usage"]["outputTokens"],
    )
    assert reading.server_s == said["metrics"]["latencyMs"] / 1000


KINDS: tuple[tuple[Kind, str], ...] = (
    ("chat", "ConverseStream"),
    ("chat-sync", "Converse"),
    ("tools", "ConverseStream"),
    ("json", "ConverseStream"),
)


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_the_service_model_takes_our_request_and_would_send_it_so(kind: Kind, name: str) -> None:
    workload = Workload(name="w", kind=kind, reasoning="low")
    url = catalog.url(TARGET, kind)
    ours = catalog.dialect(TARGET, kind).request(url, TARGET, workload, "n0nce")
    params = {"modelId": TARGET.model_id, **json.loads(ours.body)}
    (said,) = consult("request", [{"service": "bedrock-runtime", "name": name, "params": params}])
    assert said["wrong"] == ""
    assert (said["method"], "https://h" + said["path"]) == (ours.method, url)
    sent = said["body"]["base64"]
    assert json.loads(base64.b64decode(sent)) == json.loads(ours.body)


REGIONS = (
    *("us-east-1", "eu-central-2", "ap-southeast-3", "mx-central-1", "us-gov-west-1", "us-gov-east-1"),
    *("cn-north-1", "eusc-de-east-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1"),
)


@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize(
    ("provider", "kind", "service", "path"),
    [
        ("bedrock", "chat", "bedrock-runtime", "/model/m/converse-stream"),
        ("bedrock", "models", "bedrock", "/foundation-models"),
        ("sagemaker", "chat", "sagemaker-runtime", "/endpoints/m/invocations-response-stream"),
        ("sagemaker", "models", "sagemaker", "/"),
    ],
)
def test_every_host_is_where_botocore_finds_it(
    provider: str,
    kind: Kind,
    service: str,
    path: str,
    fips: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Which regions have hosts with validated cryptography is another matter: its rules make one up anywhere."""
    said = consult("endpoint", [{"service": service, "region": region, "fips": fips} for region in REGIONS])
    for region, expected in zip(REGIONS, said, strict=True):
        endpoint = catalog.default_endpoint(provider, region, fips=fips)
        if endpoint is None:
            assert fips
            continue
        of = dataclasses.replace(TARGET, provider=provider, model_id="m", region=region, endpoint=endpoint)
        assert catalog.url(of, kind) == expected + path


def test_hosts_with_validated_cryptography_are_those_that_botocore_lists() -> None:
    """But for SageMaker in GovCloud, which has one host, and its rules' word for the regions that its list is silent of."""
    (regions,) = consult("validated", [{"service": "bedrock", "prefix": "bedrock-runtime-fips-"}])
    assert set(regions) >= {"us-east-1", "ca-central-1", "us-gov-west-1"}
    (known,) = consult("regions", [{"service": "bedrock"}])
    assert {"eu-central-1", "us-isob-east-1", "eusc-de-east-1"} <= set(known)
    ours = {region for region in known if catalog.default_endpoint("bedrock", region, fips=True)}
    assert ours == set(regions)
    assert catalog.default_endpoint("sagemaker", "us-gov-west-1", fips=True) is None


REFUSALS: list[tuple[int, dict[str, str], bytes]] = [
    (429, {"x-amzn-errortype": "ThrottlingException:http://x/"}, b'{"message":"slow"}'),
    (403, {"x-amzn-errortype": "AccessDeniedException"}, b'{"Message":"no"}'),
    (400, {}, b'{"__type":"com.amazon.coral.validate#ValidationException","message":"bad"}'),
    (500, {}, b'{"code":"InternalServerException","message":"gone"}'),
]


def test_a_refusal_has_the_same_name_and_message() -> None:
    asked = [
        {"status": status, "headers": headers, "body": base64.b64encode(body).decode()}
        for status, headers, body in REFUSALS
    ]
    said = consult("whole", [{"service": "bedrock-runtime", "name": "Converse", **each} for each in asked])
    for (_, headers, body), expected in zip(REFUSALS, said, strict=True):
        error = error_body(body, headers)
        assert (error.code or error.type) == expected["Error"]["Code"]
        assert error.message == expected["Error"]["Message"]
