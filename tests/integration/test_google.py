"""Vertex AI and the Gemini API on loopback, asked through the real transport by their catalogue rows."""

import asyncio
import contextlib
import dataclasses
import json
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path as File
from typing import Any

import pytest

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from agent.clock import SystemClock
from probes.base import Slot
from probes.exchange import Exchange
from probes.framing.array import write_array
from probes.framing.sse import write_event
from probes.result import Outcome, ProbeResult, StreamVerdict
from probes.target import Kind, Path, Target, Workload
from probes.transport.wire import WireTransport
from support.clouds.google import Models, ServiceAccount, TokenEndpoint, refusal, told
from support.secrets import FakeSecrets
from support.wireserver import Asked, WireServer

STREAMS = File(__file__).parents[1] / "streams"
CHAT = Workload(name="chat", first_token_s=20.0, stall_s=20.0, timeout_s=30.0)
SECRETS = {"KEY": "planted-key-1", "TOKEN": "planted-token-1"}
PLACE = "/v1/projects/p-1/locations/europe-west4"
FLASH = f"{PLACE}/publishers/google/models/gemini-2.5-flash"
BEARER = {"authorization": f"Bearer {SECRETS['TOKEN']}"}
KEYED = {"x-goog-api-key": SECRETS["KEY"]}

VERTEX = Target(
    name="v",
    provider="vertex",
    api="generate",
    cloud="gcp",
    model="flash",
    model_id="google/gemini-2.5-flash",
    endpoint="",
    group="flash",
    region="europe-west4",
    project="p-1",
    credentials={"token": "${TOKEN}"},
    path=Path(proxy="none"),
)
GEMINI = dataclasses.replace(
    VERTEX,
    name="g",
    provider="gemini",
    model_id="gemini-2.5-flash",
    region=None,
    project=None,
    credentials={"api_key": "${KEY}"},
)


@contextlib.asynccontextmanager
async def exchanging(secrets: FakeSecrets) -> AsyncIterator[Exchange]:
    wire = WireTransport()
    try:
        yield Exchange(wire, secrets, SystemClock(), uuid.uuid4, "v", lambda _start, _end: 0.0)
    finally:
        await wire.aclose()


def asked(models: Models, target: Target, workload: Workload = CHAT, times: int = 1) -> list[ProbeResult]:
    """Return what a target came to, asked that many times; its models' server must fail nothing of what it checks."""

    async def run() -> list[ProbeResult]:
        async with WireServer(models) as server, exchanging(FakeSecrets(SECRETS)) as exchange:
            here = dataclasses.replace(target, endpoint=server.url)
            return [await exchange.ask(here, workload, Slot(1, 0)) for _ in range(times)]

    return asyncio.run(run())


def stream(name: str) -> list[bytes]:
    """Return a recorded stream in pieces that end in the middle of things."""
    body = (STREAMS / name).read_bytes()
    return [body[at : at + 70] for at in range(0, len(body), 70)]


def body(request: Asked) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.body)
    return found


@pytest.mark.parametrize(
    ("target", "path", "wanted"),
    [
        (VERTEX, f"{FLASH}:streamGenerateContent?alt=sse", BEARER),
        (
            dataclasses.replace(VERTEX, credentials={"api_key": "${KEY}"}),
            f"{FLASH}:streamGenerateContent?alt=sse",
            KEYED,
        ),
        (GEMINI, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", KEYED),
    ],
)
def test_generate_content_is_asked_and_read_as_it_streams(
    target: Target, path: str, wanted: dict[str, str]
) -> None:
    models = Models([path], wanted, [stream("google/thinking.sse")])
    (result,) = asked(models, target)
    assert (result.outcome, result.error, result.stream) == (Outcome.OK, None, StreamVerdict.COMPLETE)
    assert (result.finish_reason, result.output_tokens, result.reasoning_tokens) == ("stop", 42, 41)
    assert (result.response_model, result.server_s) == ("gemini-2.5-flash", 0.212)
    assert result.backend == {"traffic": "PROVISIONED_THROUGHPUT"}
    assert result.ttft_s is not None
    assert result.ttfo_s is not None
    (request,) = models.asked
    assert body(request)["generationConfig"] == {"maxOutputTokens": 256}
    assert request.headers["accept"] == "text/event-stream"


@pytest.mark.parametrize(
    ("target", "path", "wanted"),
    [
        (
            dataclasses.replace(VERTEX, api=None),
            f"{PLACE}/endpoints/openapi/chat/completions",
            BEARER,
        ),
        (
            dataclasses.replace(VERTEX, api="endpoint", model_id="4711"),
            "/v1beta1/projects/p-1/locations/europe-west4/endpoints/4711/chat/completions",
            BEARER,
        ),
        (
            dataclasses.replace(GEMINI, api="openai"),
            "/v1beta/openai/chat/completions",
            {"authorization": f"Bearer {SECRETS['KEY']}"},
        ),
    ],
)
@pytest.mark.parametrize("name", ["openai.sse", "openai_no_end_mark.sse", "usage_on_every_chunk.sse"])
def test_chat_completions_at_google_end_with_or_without_a_mark(
    target: Target, path: str, wanted: dict[str, str], name: str
) -> None:
    """Whether `[DONE]` comes and where the usage stands is not confirmed: both ways are taken."""
    models = Models([path], wanted, [stream(name)])
    (result,) = asked(models, target)
    assert (result.outcome, result.error) == (Outcome.OK, None)
    sent = body(models.asked[0])
    assert sent["model"] == ("" if target.api == "endpoint" else target.model_id)
    assert sent["max_tokens"] == 256


def test_a_whole_answer_is_asked_for_by_another_call() -> None:
    whole = told(
        json.loads((STREAMS / "google" / "whole.json").read_text()), **{"Server-Timing": "gfet4t7; dur=9"}
    )
    models = Models([f"{FLASH}:generateContent"], BEARER, [whole])
    (result,) = asked(models, VERTEX, dataclasses.replace(CHAT, kind="chat-sync"))
    assert (result.outcome, result.output_tokens, result.server_s) == (Outcome.OK, 13, 0.009)


@pytest.mark.parametrize(
    ("target", "path", "wanted", "listing"),
    [
        (
            VERTEX,
            "/v1/publishers/google/models/gemini-2.5-flash",
            BEARER,
            {"name": "publishers/google/models/x"},
        ),
        (
            dataclasses.replace(VERTEX, api="endpoint", model_id="4711"),
            f"{PLACE}/endpoints/4711",
            BEARER,
            {"name": "projects/1/locations/europe-west4/endpoints/4711"},
        ),
        (
            GEMINI,
            "/v1beta/models?pageSize=1",
            KEYED,
            {"models": [{"name": "models/x"}], "nextPageToken": "a"},
        ),
        (
            dataclasses.replace(GEMINI, api="openai"),
            "/v1beta/openai/models",
            {"authorization": f"Bearer {SECRETS['KEY']}"},
            {"object": "list", "data": []},
        ),
    ],
)
def test_liveness_costs_no_token(
    target: Target, path: str, wanted: dict[str, str], listing: dict[str, Any]
) -> None:
    listed = Models([path], wanted, [told(listing), told({"kind": "other"})])
    good, foreign = asked(listed, target, dataclasses.replace(CHAT, kind="models"), times=2)
    assert (good.outcome, foreign.outcome) == (Outcome.OK, Outcome.MALFORMED)
    assert [request.method for request in listed.asked] == ["GET", "GET"]


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}
DAILY = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
}
DENIED = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "IAM_PERMISSION_DENIED"}


@pytest.mark.parametrize("array", [False, True])
@pytest.mark.parametrize(
    ("refused", "outcome", "retry_after_s", "says"),
    [
        ((429, "RESOURCE_EXHAUSTED", "m", RETRY), Outcome.THROTTLED, 17.0, "probe less often"),
        ((429, "RESOURCE_EXHAUSTED", "m", DAILY, RETRY), Outcome.QUOTA, 17.0, "its quota is reached"),
        ((403, "PERMISSION_DENIED", "m", DENIED), Outcome.CONFIG, None, "aiplatform.endpoints.predict"),
        ((404, "NOT_FOUND", "m"), Outcome.CONFIG, None, "is not served in europe-west4"),
        ((400, "FAILED_PRECONDITION", "m"), Outcome.CONFIG, None, "enable it in Model Garden"),
        ((499, "CANCELLED", "m"), Outcome.SERVER_ERROR, None, "it failed on its side"),
        ((500, "INTERNAL", "m"), Outcome.SERVER_ERROR, None, "it failed on its side"),
        ((503, "UNAVAILABLE", "m"), Outcome.OVERLOADED, None, "it is overloaded"),
        ((504, "DEADLINE_EXCEEDED", "m"), Outcome.SERVER_ERROR, None, "it failed on its side"),
    ],
)
def test_a_refusal_has_its_outcome_its_wait_and_its_remedy_and_is_not_tried_again(
    refused: tuple[Any, ...],
    outcome: Outcome,
    retry_after_s: float | None,
    says: str,
    array: bool,  # noqa: FBT001 - pytest passes by name
) -> None:
    models = Models([f"{FLASH}:streamGenerateContent?alt=sse"], BEARER, [refusal(*refused, array=array)])
    (result,) = asked(models, VERTEX)
    assert (result.outcome, result.error_code, result.retry_after_s) == (outcome, refused[1], retry_after_s)
    assert says in (result.error or "")
    assert result.server_s == 0.007
    assert len(models.asked) == 1


@pytest.mark.parametrize(
    ("headers", "expected"), [({"Retry-After": "9"}, 9.0), ({"Retry-After-Ms": "250"}, 0.25), ({}, 17.0)]
)
def test_a_header_that_says_how_long_to_wait_comes_before_the_body(
    headers: dict[str, Any], expected: float
) -> None:
    throttled = refusal(429, "RESOURCE_EXHAUSTED", "m", RETRY, **headers)
    (result,) = asked(Models([f"{FLASH}:streamGenerateContent?alt=sse"], BEARER, [throttled]), VERTEX)
    assert result.retry_after_s == expected


@pytest.mark.parametrize(
    ("name", "kind", "outcome", "code"),
    [
        ("google/array.json", "application/json; charset=UTF-8", Outcome.OK, None),
        ("google/array_error.json", "application/json; charset=UTF-8", Outcome.CONFIG, "NOT_FOUND"),
        ("google/array_error_later.json", "application/json", Outcome.OVERLOADED, "UNAVAILABLE"),
        ("google/array_cut.json", "application/json", Outcome.TRUNCATED, None),
        ("google/throttled.sse", "text/event-stream", Outcome.THROTTLED, "RESOURCE_EXHAUSTED"),
        ("google/error_in_stream.sse", "text/event-stream", Outcome.SERVER_ERROR, "INTERNAL"),
        ("google/bare_error.sse", "text/event-stream", Outcome.OVERLOADED, "UNAVAILABLE"),
        ("google/truncated.sse", "text/event-stream", Outcome.TRUNCATED, None),
        ("google/filtered.sse", "text/event-stream", Outcome.CONTENT_FILTER, "content_filter"),
        ("google/prompt_blocked.sse", "text/event-stream", Outcome.CONTENT_FILTER, "content_filter"),
        ("google/malformed_call.sse", "text/event-stream", Outcome.EMPTY, None),
        ("google/thought_away.sse", "text/event-stream", Outcome.OK, None),
        ("google/whole.json", "application/json", Outcome.MALFORMED, None),
        ("openai.sse", "text/event-stream", Outcome.MALFORMED, None),
        ("html.sse", "text/html", Outcome.MALFORMED, None),
    ],
)
def test_whatever_comes_at_200_has_its_outcome(
    name: str, kind: str, outcome: Outcome, code: str | None
) -> None:
    models = Models([f"{FLASH}:streamGenerateContent?alt=sse"], BEARER, [stream(name)], kind=kind)
    (result,) = asked(models, VERTEX)
    assert (result.outcome, result.error_code) == (outcome, code), result.error
    assert len(models.asked) == 1


def test_an_array_where_events_were_due_is_timed_by_its_elements() -> None:
    chunks = [json.dumps({"candidates": [{"content": {"parts": [{"text": text}]}}]}) for text in ("po", "ng")]
    end = json.dumps({"candidates": [{"finishReason": "STOP"}]})
    for kind, pieces in (
        ("application/json", write_array([*chunks, end])),
        ("text/event-stream", [write_event(chunk, newline="\r\n") for chunk in (*chunks, end)]),
    ):
        models = Models([f"{FLASH}:streamGenerateContent?alt=sse"], BEARER, [pieces], kind=kind)
        (result,) = asked(models, VERTEX)
        assert (result.outcome, len(result.chunks)) == (Outcome.OK, 2)


@pytest.mark.parametrize(("target", "key"), [(VERTEX, "TOKEN"), (GEMINI, "KEY")])
def test_a_wrong_identity_is_a_sentence_that_does_not_show_it(target: Target, key: str) -> None:
    """It is asked once more only where what is configured has changed meanwhile, which it has not."""
    models = Models([], {"x-goog-api-key": "another", "authorization": "another"}, [])
    (result,) = asked(models, target)
    assert (result.outcome, result.error_code) == (Outcome.CONFIG, "UNAUTHENTICATED")
    assert "Google did not take the identity, look at credentials." in (result.error or "")
    assert SECRETS[key] not in (result.error or "")
    assert len(models.asked) == 1


class Swapped(FakeSecrets):
    """Secrets whose key was swapped on disk after it was read."""

    def __init__(self) -> None:
        self._now = dict(SECRETS)
        super().__init__(self._now)

    def forget(self) -> None:
        self._now["KEY"] = "planted-key-2"


def test_a_key_that_was_swapped_serves_at_once_though_google_calls_the_old_one_a_wrong_argument() -> None:
    path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    invalid = refusal(400, "INVALID_ARGUMENT", "API key not valid.", {"reason": "API_KEY_INVALID"})
    models = Models([path], {}, [invalid, stream("google/gemini.sse")])

    async def run() -> ProbeResult:
        async with WireServer(models) as server, exchanging(Swapped()) as exchange:
            return await exchange.ask(dataclasses.replace(GEMINI, endpoint=server.url), CHAT, Slot(1, 0))

    assert asyncio.run(run()).outcome is Outcome.OK
    assert [request.headers["x-goog-api-key"] for request in models.asked] == [
        SECRETS["KEY"],
        "planted-key-2",
    ]


@pytest.mark.parametrize(
    ("kind", "name", "key"), [("tools", "tool_call", "toolConfig"), ("json", "json", "generationConfig")]
)
def test_a_tool_and_an_answer_in_json_are_asked_for_and_read(kind: Kind, name: str, key: str) -> None:
    models = Models([f"{FLASH}:streamGenerateContent?alt=sse"], BEARER, [stream(f"google/{name}.sse")])
    (result,) = asked(models, VERTEX, dataclasses.replace(CHAT, kind=kind))
    assert (result.outcome, result.stream) == (Outcome.OK, StreamVerdict.COMPLETE)
    assert key in body(models.asked[0])


class Rotating(Models):
    """Takes only the token that is the second to be given out."""

    def __init__(self, answers: list[bytes | Sequence[bytes]]) -> None:
        path = f"{FLASH}:streamGenerateContent?alt=sse"
        super().__init__([path], {"authorization": "Bearer token-2"}, answers)


def test_an_expired_token_is_got_anew_once_and_serves_the_next_slots(tmp_path: File) -> None:
    endpoint = TokenEndpoint(ServiceAccount())
    models = Rotating([stream("google/vertex.sse")] * 2)

    async def run() -> list[ProbeResult]:
        secrets = FakeSecrets({})
        async with (
            WireServer(endpoint) as tokens,
            WireServer(models) as server,
            exchanging(secrets) as exchange,
        ):
            file = endpoint.account.file(tmp_path, f"{tokens.url}/token")
            target = dataclasses.replace(VERTEX, endpoint=server.url, credentials={"google": str(file)})
            results = [await exchange.ask(target, CHAT, Slot(1, 0)) for _ in range(2)]
        assert secrets.learnt == {"token-1", "token-2"}
        return results

    first, second = asyncio.run(run())
    assert (first.outcome, second.outcome) == (Outcome.OK, Outcome.OK)
    assert first.auth_s is not None
    assert [request.headers["authorization"] for request in models.asked] == [
        "Bearer token-1",
        "Bearer token-2",
        "Bearer token-2",
    ]
    assert len(endpoint.asked) == 2


def asked_once(endpoint: TokenEndpoint, models: Rotating, folder: File) -> ProbeResult:
    """Return what a probe comes to whose token is got where the account's file says."""

    async def run() -> ProbeResult:
        async with (
            WireServer(endpoint) as tokens,
            WireServer(models) as server,
            exchanging(FakeSecrets({})) as exchange,
        ):
            file = endpoint.account.file(folder, f"{tokens.url}/token")
            target = dataclasses.replace(VERTEX, endpoint=server.url, credentials={"google": str(file)})
            return await exchange.ask(target, CHAT, Slot(1, 0))

    return asyncio.run(run())


def test_a_token_that_stays_the_same_after_a_refusal_is_not_tried_again(tmp_path: File) -> None:
    endpoint = TokenEndpoint(ServiceAccount(), same=True)
    models = Rotating([])
    result = asked_once(endpoint, models, tmp_path)
    assert (result.outcome, result.http_status) == (Outcome.CONFIG, 401)
    assert (len(models.asked), len(endpoint.asked)) == (1, 2)


def test_no_token_means_no_request(tmp_path: File) -> None:
    endpoint = TokenEndpoint(ServiceAccount(), trouble=told({}, "503 Busy"))
    models = Rotating([])
    result = asked_once(endpoint, models, tmp_path)
    assert (result.outcome, result.error_code) == (Outcome.SERVER_ERROR, "identity_service")
    assert (result.error or "").startswith("target v: no token came by credentials.google")
    assert (models.asked, len(endpoint.asked)) == ([], 1)
