"""Anthropic's messages by every route, through the real transport, from servers that check what they are asked."""

import asyncio
import dataclasses
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from agent.clock import SystemClock
from probes import catalog
from probes.base import Slot
from probes.clouds.anthropic import bedrock_invoke, messages_api, raw_predict
from probes.exchange import Exchange
from probes.provider import Provider
from probes.result import Outcome, ProbeResult, StreamVerdict
from probes.signers.bearer import Bearer
from probes.target import Kind, Path, Target, Workload
from probes.transport.wire import WireTransport
from support.clouds.anthropic import FAULTS as FAULTY
from support.clouds.anthropic import KEY, MODEL, Anthropic, refusal
from support.secrets import FakeSecrets
from support.wireserver import WireServer

BEARER = ("authorization", f"Bearer {KEY}")
ESCAPED = "claude-haiku-4-5%4020251001"
VERTEX = f"/v1/projects/bank-ml/locations/europe-west1/publishers/anthropic/models/{ESCAPED}"
HAIKU = Target(
    name="haiku",
    provider="anthropic",
    cloud="anthropic",
    model="haiku",
    model_id=MODEL,
    endpoint="",
    group="haiku",
    project="bank-ml",
    region="europe-west1",
    credentials={"api_key": "${KEY}"},
    path=Path(proxy="none"),
)


@dataclasses.dataclass(frozen=True)
class Route:
    """A provider's API, and the server that takes what it sends."""

    provider: str
    api: str | None
    server: Mapping[str, Any]
    version: str | None = None


BODY = frozenset({"model", "anthropic_version"})
ROUTES = {
    "direct": Route("anthropic", None, {}),
    "newer": Route("anthropic", None, {"version": "2026-10-21"}, version="2026-10-21"),
    "foundry": Route("azure", "anthropic", {"path": "/anthropic/v1/messages"}),
    "mantle": Route("clouds", "mantle", {"path": "/anthropic/v1/messages", "identity": BEARER}),
    "vertex": Route(
        "clouds",
        "vertex",
        {
            "path": f"{VERTEX}:streamRawPredict",
            "sync": f"{VERTEX}:rawPredict",
            "identity": BEARER,
            "version": "vertex-2023-10-16",
            "in_path": BODY,
        },
    ),
    "bedrock": Route(
        "clouds",
        "bedrock",
        {
            "path": f"/model/{ESCAPED}/invoke-with-response-stream",
            "sync": f"/model/{ESCAPED}/invoke",
            "identity": BEARER,
            "version": "bedrock-2023-05-31",
            "in_path": BODY | {"stream"},
            "framed": True,
        },
    ),
    "deepseek": Route("deepseek", "anthropic", {"path": "/anthropic/v1/messages", "identity": BEARER}),
    "qwen": Route("qwen", "anthropic", {"path": "/apps/anthropic/v1/messages", "identity": BEARER}),
    "vllm": Route("vllm", "anthropic", {"identity": BEARER}),
    "nim": Route("nim", "anthropic", {"identity": BEARER}),
}


@pytest.fixture(autouse=True)
def clouds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clouds' routes be asked with a token that stands still: who signs for them is another matter."""
    row = Provider(
        cloud="clouds",
        apis={"mantle": messages_api("/anthropic/v1"), "vertex": raw_predict(), "bedrock": bedrock_invoke()},
        signer=Bearer(),
        otel="clouds",
    )
    monkeypatch.setitem(catalog.PROVIDERS, "clouds", row)


def ask(
    server: Anthropic,
    *workloads: Workload,
    route: Route = ROUTES["direct"],
    secrets: FakeSecrets | None = None,
    **more: Any,
) -> list[ProbeResult]:
    async def run() -> list[ProbeResult]:
        wire = WireTransport()
        known = secrets or FakeSecrets({"KEY": KEY})
        exchange = Exchange(wire, known, SystemClock(), uuid.uuid4, "v", lambda _start, _end: 0.0)
        async with WireServer(server.script) as listening:
            target = dataclasses.replace(
                HAIKU,
                provider=route.provider,
                api=route.api,
                api_version=route.version,
                endpoint=listening.url,
                **more,
            )
            found = [await exchange.ask(target, workload, Slot(1, 0)) for workload in workloads]
        await wire.aclose()
        return found

    return asyncio.run(run())


def of(kind: Kind, **more: Any) -> Workload:
    return Workload(name=kind, kind=kind, first_token_s=20.0, stall_s=20.0, timeout_s=30.0, **more)


def fault(name: str, kind: Kind = "chat", route: Route = ROUTES["direct"]) -> ProbeResult:
    server = Anthropic(**route.server, fault=name)
    (result,) = ask(server, of(kind), route=route)
    assert len(server.asked) == 1
    return result


@pytest.mark.parametrize("name", ROUTES)
def test_every_route_asks_as_its_server_wants_it_and_once_a_slot(name: str) -> None:
    route = ROUTES[name]
    server = Anthropic(**route.server)
    asked = [of("chat"), of("chat-sync"), of("tools"), of("json", reasoning="low"), of("long-context")]
    chat, whole, tools, structured, found = ask(server, *asked, route=route)
    told = [(result.outcome, result.error) for result in (chat, whole, tools, structured, found)]
    assert told == [(Outcome.OK, None)] * 5
    streamed, at_once = server.path, server.sync or server.path
    assert [each.target for each in server.asked] == [streamed, at_once, streamed, streamed, streamed]
    assert (chat.stream, chat.finish_reason, chat.output_tokens) == (StreamVerdict.COMPLETE, "stop", 5)
    assert (whole.finish_reason, whole.input_tokens, tools.finish_reason) == ("stop", 21, "tool_calls")
    assert chat.backend["inference_geo"] == "us"
    assert chat.service_tier == "standard"
    assert chat.ttft_s is not None


@pytest.mark.parametrize(
    ("kind", "code"), [("tools", "no_tool_call"), ("json", "no_json"), ("long-context", "needle")]
)
@pytest.mark.parametrize("name", ["direct", "bedrock", "vllm"])
def test_a_model_that_says_pong_whatever_was_asked_is_told(name: str, kind: Kind, code: str) -> None:
    """By each way in which an answer is framed, or JSON is had."""
    result = fault("text", kind, ROUTES[name])
    assert (result.outcome, result.error_code) == (Outcome.MISMATCH, code)


def test_the_answer_tells_the_edge_the_time_the_limits_and_its_id() -> None:
    (result,) = ask(Anthropic(), of("chat"))
    assert result.backend == {"edge": "FRA", "inference_geo": "us"}
    assert result.server_s == 0.321
    assert result.provider_request_id == "req_011CSHoEeqs5C35K2UUqR7Fy"
    assert result.ratelimit == {"remaining_requests": 49.0, "limit_requests": 50.0, "reset_requests_s": 2.0}
    assert result.response_model == "claude-haiku-4-5-20251001"


def test_models_are_listed_to_who_has_key_and_version() -> None:
    server = Anthropic(version="2026-10-21")
    (result,) = ask(server, of("models"), route=ROUTES["newer"])
    assert (result.outcome, server.asked[0].target) == (Outcome.OK, "/v1/models")


def test_bedrock_tells_its_own_time_at_the_end() -> None:
    route = ROUTES["bedrock"]
    (result,) = ask(Anthropic(**route.server), of("chat"), route=route)
    assert result.server_s == 0.412


FAULTS: dict[str, tuple[Outcome, str | None, str]] = {
    # what happens: outcome, error code, and what the sentence says
    "seconds": (Outcome.THROTTLED, "rate_limit_error", "rate limit is reached"),
    "parts": (Outcome.THROTTLED, "rate_limit_error", "rate limit is reached"),
    "milliseconds": (Outcome.THROTTLED, "rate_limit_error", "rate limit is reached"),
    "ramp": (Outcome.THROTTLED, "ramp_limit_exceeded", "rate limit is reached"),
    "limit": (Outcome.QUOTA, "enforced_spend_limit_reached", "in the Console under Limits"),
    "credit": (Outcome.QUOTA, "credit_balance_too_low", "buy credits in the Console"),
    "billing": (Outcome.QUOTA, "billing_error", "look at the Console under Billing"),
    "forbidden": (Outcome.CONFIG, "permission_error", "check the workspace of credentials.api_key"),
    "hold": (Outcome.CONFIG, "organization_on_hold", "appeal"),
    "large": (Outcome.CONFIG, "request_too_large", "shorten the probe's prompt"),
    "edge": (Outcome.CONFIG, None, "413 Request Entity Too Large cloudflare"),
    "failed": (Outcome.SERVER_ERROR, "api_error", "failed on its side"),
    "late": (Outcome.SERVER_ERROR, "timeout_error", "failed on its side"),
    "overloaded": (Outcome.OVERLOADED, "overloaded_error", "it is overloaded"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_refusal_has_its_outcome_and_its_remedy(name: str) -> None:
    outcome, code, sentence = FAULTS[name]
    result = fault(name)
    assert (result.outcome, result.error_code) == (outcome, code)
    assert sentence in (result.error or "")


@pytest.mark.parametrize(
    ("name", "seconds"), [("seconds", 7.0), ("parts", 0.5), ("milliseconds", 1.5), ("limit", None)]
)
def test_how_long_to_wait_is_read_in_every_form(name: str, seconds: float | None) -> None:
    assert fault(name).retry_after_s == seconds


def test_a_date_to_wait_for_is_counted_from_now(monkeypatch: pytest.MonkeyPatch) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    throttled = refusal("429 Too Many Requests", "rate_limit_error", retry_after=later)
    monkeypatch.setitem(FAULTY, "dated", throttled)
    assert 3000 < (fault("dated").retry_after_s or 0) <= 3600


@pytest.mark.parametrize(
    ("name", "outcome", "stream"),
    [
        ("broken", Outcome.SERVER_ERROR, StreamVerdict.ERRORED),
        ("spent", Outcome.QUOTA, StreamVerdict.ERRORED),
        ("throttled", Outcome.THROTTLED, StreamVerdict.ERRORED),
        ("truncated", Outcome.TRUNCATED, StreamVerdict.TRUNCATED),
        ("no_end_mark", Outcome.TRUNCATED, StreamVerdict.TRUNCATED),
        ("torn", Outcome.TRUNCATED, StreamVerdict.TRUNCATED),
        ("refusal", Outcome.CONTENT_FILTER, StreamVerdict.COMPLETE),
        ("empty", Outcome.EMPTY, StreamVerdict.EMPTY),
    ],
)
def test_what_goes_wrong_after_a_200_is_told_all_the_same(
    name: str, outcome: Outcome, stream: StreamVerdict
) -> None:
    result = fault(name)
    assert (result.outcome, result.stream, result.http_status) == (outcome, stream, 200)


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("broken", Outcome.THROTTLED), ("truncated", Outcome.TRUNCATED), ("torn", Outcome.TRUNCATED)],
)
def test_bedrocks_frames_fail_as_they_should(name: str, outcome: Outcome) -> None:
    assert fault(name, route=ROUTES["bedrock"]).outcome is outcome


def test_frames_of_the_wrong_kind_are_malformed() -> None:
    """Server-sent events where Bedrock's frames were due, as a gateway that re-encodes them sends."""
    plain = {**ROUTES["bedrock"].server, "framed": False}
    (result,) = ask(Anthropic(**plain), of("chat"), route=ROUTES["bedrock"])
    assert result.outcome is Outcome.MALFORMED


@pytest.mark.parametrize(
    ("more", "status", "sentence"),
    [
        ({"credentials": {"token": "${KEY}"}}, 401, "check credentials.token of target haiku (${KEY})"),
        ({"model_id": "claude-9"}, 404, "model claude-9 is unknown to this workspace"),
    ],
)
def test_a_wrong_identity_or_model_is_the_configurations_fault(
    more: Mapping[str, Any], status: int, sentence: str
) -> None:
    server = Anthropic()
    (result,) = ask(server, of("chat"), **more)
    assert (result.outcome, result.http_status) == (Outcome.CONFIG, status)
    assert sentence in (result.error or "")
    assert len(server.asked) == 1
    assert KEY not in repr(result)


class Rotated(FakeSecrets):
    """Secrets of which the old key is all that is known until they are read anew."""

    def __init__(self) -> None:
        self.at_hand = {"KEY": "sk-ant-api03-revoked-key"}
        super().__init__(self.at_hand)

    def forget(self) -> None:
        super().forget()
        self.at_hand["KEY"] = KEY


def test_a_key_that_was_rotated_meanwhile_is_read_anew_once() -> None:
    server, secrets = Anthropic(), Rotated()
    (result,) = ask(server, of("chat"), secrets=secrets)
    assert (result.outcome, len(server.asked), secrets.forgotten) == (Outcome.OK, 2, 1)


def sent(asked: Sequence[Any]) -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in asked]


def test_two_slots_share_no_prompt() -> None:
    """The nonce comes first, so that neither a prompt cache nor a gateway's answers the second."""
    server = Anthropic()
    ask(server, of("chat"), of("chat"))
    first, second = (body["messages"][0]["content"] for body in sent(server.asked))
    assert first[:18] != second[:18]
    assert first[18:] == second[18:]
