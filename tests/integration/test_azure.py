"""Azure as its own servers answer: every API, kind and identity through the real transport, and each way to be refused."""

import asyncio
import dataclasses
import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path as File
from typing import Any
from urllib.parse import urlsplit

import pytest

import support.identity_libraries  # noqa: F401 - loaded before anybody waits for a token
from agent.clock import SystemClock
from probes import catalog
from probes.base import Slot
from probes.exchange import Exchange
from probes.result import Outcome, ProbeResult
from probes.target import Kind, Path, Target, Workload
from probes.transport.wire import WireTransport
from support.certificates import Authority
from support.clouds.azure import DEPLOYMENT, KEY, Resource, refusal
from support.clouds.entra import FOUNDRY, SCOPE, SECRET, Entra
from support.secrets import FakeSecrets

CONFIG, OK, THROTTLED = Outcome.CONFIG, Outcome.OK, Outcome.THROTTLED
CALLS = [
    (api, kind)
    for api in catalog.PROVIDERS["azure"].apis
    for kind in catalog.PROVIDERS["azure"].apis[api].calls
    if kind in {"chat", "chat-sync", "models", "tools", "json", "throughput", "long-context"}
]


def target(**more: Any) -> Target:
    known: dict[str, Any] = {
        "name": "t",
        "provider": "azure",
        "cloud": "azure",
        "model": "nano",
        "model_id": DEPLOYMENT,
        "endpoint": "",
        "group": "nano",
        "credentials": {"api_key": "${AZURE_KEY}"},
        "path": Path(proxy="none"),
    }
    return Target(**known | more)


async def ask(
    resource: Resource,
    asked: Target | None = None,
    kinds: Sequence[Kind] = ("chat",),
    known: Mapping[str, str] | None = None,
) -> list[ProbeResult]:
    """Return what probes of these kinds came to, one slot after the other, over one transport."""
    wire = WireTransport()
    secrets = FakeSecrets({"AZURE_KEY": KEY, **(known or {})})
    exchange = Exchange(wire, secrets, SystemClock(), uuid.uuid4, "v", lambda _start, _end: 0.0)
    put = dataclasses.replace(asked or target(), endpoint=resource.url + (asked.endpoint if asked else ""))
    told = [
        await exchange.ask(
            put, Workload(name=kind, kind=kind, first_token_s=20.0, timeout_s=30.0), Slot(1, 0)
        )
        for kind in kinds
    ]
    await wire.aclose()
    return told


def served(resource: Resource, *args: Any, **more: Any) -> list[ProbeResult]:
    async def scene() -> list[ProbeResult]:
        async with resource.serve():
            return await ask(resource, *args, **more)

    return asyncio.run(scene())


USED = {
    # input and output tokens of what each API answers
    "openai": (19, 2),
    "dated": (19, 2),
    "models": (12, 6),
    "anthropic": (21, 5),
}
CALLED = {"openai": (90, 19), "dated": (90, 19), "anthropic": (21, 58)}
"""The same where a tool is called."""


@pytest.mark.parametrize(("api", "kind"), CALLS)
def test_every_api_is_asked_as_it_wants_to_be_and_once_a_slot(api: str, kind: Kind) -> None:
    resource = Resource()
    (told,) = served(resource, target(api=api), [kind])
    assert (told.outcome, told.error) == (OK, None)
    (asked,) = resource.asked
    assert asked.headers["x-ms-client-request-id"] == asked.headers["x-request-id"] == str(told.id)
    assert {"authorization", "api-key", "x-api-key"} & asked.headers.keys() == {
        "x-api-key" if api == "anthropic" else "api-key"
    }
    if kind == "models":
        return
    body = json.loads(asked.body)
    shaped = "output_config" if api == "anthropic" else "response_format"
    assert ("tool_choice" in body, shaped in body) == (kind == "tools", kind == "json")
    assert (told.ttft_s is None) == (kind == "chat-sync")
    used = USED | CALLED if kind == "tools" else USED
    # An answer in one piece is the same from every API of chat completions.
    expected = USED["openai"] if kind == "chat-sync" and api == "models" else used[api]
    assert (told.input_tokens, told.output_tokens) == expected


@pytest.mark.parametrize(
    ("kind", "code"), [("tools", "no_tool_call"), ("json", "no_json"), ("long-context", "needle")]
)
@pytest.mark.parametrize(("api", "stream"), [("openai", "azure"), ("anthropic", "text")])
def test_an_answer_that_says_pong_whatever_was_asked_is_a_mismatch(
    api: str, stream: str, kind: Kind, code: str
) -> None:
    (told,) = served(Resource(stream=stream), target(api=api), [kind])
    assert (told.outcome, told.error_code) == (Outcome.MISMATCH, code)


def test_foundry_tells_the_id_of_an_answer_as_anthropic_does() -> None:
    (told,) = served(Resource(), target(api="anthropic"))
    assert (told.provider_request_id, told.service_tier) == ("req_011CSHoEeqs5C35K2UUqR7Fy", "standard")


@pytest.mark.parametrize("endpoint", ["/openai/v1", "/openai/v1/", "/openai", "/"])
def test_an_endpoint_is_taken_as_the_portal_shows_it(endpoint: str) -> None:
    assert [told.outcome for told in served(Resource(), target(endpoint=endpoint), ["chat", "models"])] == [
        OK,
        OK,
    ]


def test_foundrys_inference_endpoint_is_taken_with_its_path() -> None:
    """Its own client's base URL ends in /models; the list of models is the v1 API's."""
    resource = Resource(stream="azure_inference")
    asked = target(api="models", endpoint="/models")
    assert [told.outcome for told in served(resource, asked, ["chat", "models"])] == [OK, OK]
    assert [urlsplit(each.target).path for each in resource.asked] == [
        "/models/chat/completions",
        "/openai/v1/models",
    ]


def test_head_and_body_tell_who_served_how_long_and_what_is_left() -> None:
    """A reset of -1 is unknown, and so not there."""
    (told,) = served(Resource())
    assert told.backend == {"region": "East US 2", "deployment": DEPLOYMENT, "session": "d123-4567"}
    assert (told.server_s, told.provider_request_id, told.fingerprint) == (0.212, "apim-1", "fp_az")
    assert told.ratelimit == {
        "remaining_requests": 249.0,
        "limit_requests": 250.0,
        "remaining_tokens": 249000.0,
        "limit_tokens": 250000.0,
        "reset_tokens_s": 12.0,
    }
    assert not told.degraded


def test_an_answer_of_a_spill_over_deployment_is_good_and_shows_degraded() -> None:
    spilled = {"x-ms-spillover-from-deployment": "nano-ptu", "x-ms-deployment-name": "nano-standard"}
    (told,) = served(Resource(headers=spilled))
    assert (told.outcome, told.meaning.good, told.degraded) == (OK, True, True)
    assert told.backend["deployment"] == "nano-standard"
    assert told.backend["spillover_from"] == "nano-ptu"
    assert told.backend["degraded"] == "spillover_from"


REFUSED: dict[str, tuple[bytes, Outcome, str | None, str]] = {
    "missing role": (
        refusal(401, "PermissionDenied", "The principal lacks the required data action."),
        CONFIG,
        "PermissionDenied",
        "assign it the role Cognitive Services OpenAI User",
    ),
    "keys switched off": (
        refusal(403, "AuthenticationTypeDisabled", "Key based authentication is disabled for this resource."),
        CONFIG,
        "AuthenticationTypeDisabled",
        "write credentials: {entra: ...}",
    ),
    "network rules": (
        refusal(403, "403", "Access denied due to Virtual Network/Firewall rules."),
        CONFIG,
        None,
        "look at its Networking",
    ),
    "provisioned throughput": (
        refusal(
            429, "429", "Requests have exceeded the limit.", {"retry-after-ms": "1500", "retry-after": "2"}
        ),
        THROTTLED,
        None,
        "with provisioned throughput (PTU) add units or spill over",
    ),
    "prompt filtered": (
        refusal(
            400,
            "content_filter",
            "The response was filtered due to the prompt triggering the content management policy.",
            innererror={
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {"hate": {"filtered": True}},
            },
        ),
        Outcome.CONTENT_FILTER,
        "content_filter",
        "its content filter refused the prompt",
    ),
    "prompt filtered, by the inner name alone": (
        refusal(400, "BadRequest", "Filtered.", inner_error={"code": "ResponsibleAIPolicyViolation"}),
        Outcome.CONTENT_FILTER,
        "BadRequest",
        "choose a tamer prompt or filter",
    ),
    "wrong model for the kind": (
        refusal(
            400,
            "OperationNotSupported",
            "The chatCompletion operation does not work with the specified model.",
        ),
        CONFIG,
        "OperationNotSupported",
        "does not do this kind of probe",
    ),
    "its own failing": (
        refusal(500, "InternalServerError", "The server had an error."),
        Outcome.SERVER_ERROR,
        "InternalServerError",
        "it failed on its side",
    ),
    "overloaded": (refusal(503, "503", "Busy."), Outcome.OVERLOADED, None, "it is overloaded"),
    "timed out there": (
        refusal(408, "Timeout", "The operation was timeout."),
        Outcome.SERVER_ERROR,
        "Timeout",
        "408",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_each_refusal_has_its_outcome_and_a_remedy_in_azures_words(name: str) -> None:
    fault, outcome, code, sentence = REFUSED[name]
    resource = Resource(fault=fault)
    (told,) = served(resource)
    assert (told.outcome, told.error_code) == (outcome, code)
    assert sentence in (told.error or "")
    assert len(resource.asked) == 1


@pytest.mark.parametrize(
    ("headers", "waits_s"),
    [
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_each_form_of_a_wait_is_read(headers: dict[str, str], waits_s: float | None) -> None:
    (told,) = served(Resource(fault=refusal(429, "429", "Wait.", headers)))
    assert (told.outcome, told.retry_after_s) == (THROTTLED, waits_s)


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        ({"model_id": "gone"}, "DeploymentNotFound", "deployment gone is unknown to this resource"),
        ({"model_id": "gone", "api": "dated"}, "DeploymentNotFound", "write its name as id"),
        (
            {"model_id": "gone", "api": "models"},
            "unknown_model",
            "deployment gone is unknown to this resource",
        ),
        (
            {"model_id": "gone", "api": "anthropic"},
            "not_found_error",
            "and that deployment gone is there",
        ),
        ({"endpoint": "/elsewhere/v1"}, None, "check endpoint, api and api_version"),
        ({"api_version": "2020-01-01"}, None, "check endpoint, api and api_version"),
        ({"credentials": {"api_key": "of-another-resource"}}, None, "a key must be of this very resource"),
        ({"credentials": {"token": "for-another-scope"}}, None, "for its scope (credentials.scope)"),
        (
            {"credentials": {"api_key": "none"}, "api": "anthropic"},
            None,
            "a key must be of this very resource",
        ),
        ({"credentials": {"token": "none"}, "api": "anthropic"}, None, "for its scope (credentials.scope)"),
    ],
)
def test_what_the_service_does_not_know_is_said(
    more: dict[str, Any], code: str | None, sentence: str
) -> None:
    resource = Resource()
    (told,) = served(resource, target(**more))
    assert (told.outcome, told.error_code) == (CONFIG, code)
    assert sentence in (told.error or "")
    assert len(resource.asked) == 1


@pytest.mark.parametrize(
    ("stream", "outcome", "code"),
    [
        ("azure_async_filter", OK, None),
        ("azure_reasoning", OK, None),
        ("azure_content_filter", Outcome.CONTENT_FILTER, "content_filter"),
        ("azure_throttled_in_stream", THROTTLED, "too_many_requests"),
        ("azure_error_in_stream", Outcome.SERVER_ERROR, "InternalServerError"),
        ("azure_truncated", Outcome.TRUNCATED, None),
        ("html", Outcome.MALFORMED, None),
        ("nothing", Outcome.EMPTY, None),
    ],
)
def test_a_stream_is_judged_by_how_it_ends(stream: str, outcome: Outcome, code: str | None) -> None:
    (told,) = served(Resource(stream=stream))
    assert (told.outcome, told.error_code) == (outcome, code)


def test_the_filters_first_chunk_is_no_token() -> None:
    """It comes long before the answer, and tells of the prompt."""
    (told,) = served(Resource())
    assert len(told.chunks) == 1


@pytest.mark.parametrize(("api", "scope"), [("openai", SCOPE), ("anthropic", FOUNDRY)])
def test_an_expired_token_is_replaced_once_and_the_slot_is_good(
    monkeypatch: pytest.MonkeyPatch, tmp_path: File, api: str, scope: str
) -> None:
    """By way of Entra and the resource, both over TLS."""

    async def scene() -> None:
        async with Entra(tmp_path).serve() as entra:
            entra.trust(monkeypatch)
            monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
            authority = Authority(tmp_path, "azure")
            trusting = Path(proxy="none", ca=authority.ca)
            asked = target(api=api, credentials={"entra": "environment"}, path=trusting)
            resource = Resource(token=lambda token: token == entra.given[-1])
            async with resource.serve(authority.server()):
                first, second = await ask(resource, asked, ["chat", "chat"])
                assert (first.outcome, second.outcome) == (OK, OK)
                assert (len(resource.asked), len(entra.asked)) == (2, 1)
                entra.given.append("expired-meanwhile")
                (third,) = await ask(resource, asked)
                assert third.outcome is OK
                assert (len(resource.asked), len(entra.asked)) == (4, 2)
            assert {form["scope"] for form in entra.asked} == {scope}
            assert resource.asked[-1].headers["authorization"] == f"Bearer {entra.given[-1]}"
            assert not {"api-key", "x-api-key"} & resource.asked[-1].headers.keys()
            for told in (first, second, third):
                assert told.auth_s is not None
                assert not any(token in json.dumps(told.public()) for token in entra.given)

    azure = catalog.PROVIDERS["azure"]
    monkeypatch.setattr(azure.apis[api].signer or azure.signer, "_renewals", {})
    asyncio.run(scene())


def test_a_target_whose_identity_service_fails_is_not_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: File
) -> None:
    async def scene() -> ProbeResult:
        async with Entra(tmp_path).serve() as entra, Resource().serve() as resource:
            entra.trust(monkeypatch)
            monkeypatch.setenv("AZURE_CLIENT_SECRET", SECRET)
            entra.fault = "503"
            scope = "https://ai.azure.com/.default"
            (told,) = await ask(resource, target(credentials={"entra": "environment", "scope": scope}))
            assert not resource.asked
            return told

    told = asyncio.run(scene())
    assert (told.outcome, told.error_code, told.http_status) == (
        Outcome.SERVER_ERROR,
        "identity_service",
        None,
    )
    assert told.error == "target t: Microsoft Entra ID answered 503, so there is no token: see Azure's status"
