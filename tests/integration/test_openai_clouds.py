"""Each vendor that speaks as OpenAI does, on loopback: what it takes, what it tells, and what its failings mean."""

import asyncio
import json
from typing import Any

import pytest

from probes import catalog, tasks
from probes.result import Outcome, ProbeResult
from probes.target import Kind
from support.clouds.openai import KEY, STREAMS, VENDORS, Cloud, probe, refusal, streamed
from support.secrets import FakeSecrets
from support.wireserver import answer, chunk, head

GENERATED: tuple[Kind, ...] = ("chat", "chat-sync", "tools", "json", "long-context")
ASKED: list[tuple[str, Kind]] = [
    *[(name, kind) for name in VENDORS for kind in (*GENERATED, "models")],
    *[(name, "responses") for name, vendor in VENDORS.items() if "responses" in vendor.kinds],
    *[(name, "embeddings") for name, vendor in VENDORS.items() if "embeddings" in vendor.kinds],
]


def ask(name: str, cloud: Cloud, kind: Kind = "chat", **of: Any) -> ProbeResult:
    return asyncio.run(probe(name, cloud, kind, **of))


def test_every_row_is_asked_the_kinds_that_it_has() -> None:
    """Portkey stands beside: it wants to be told who is behind it, and has a test of its own."""
    rows = {name for name, row in catalog.PROVIDERS.items() if "openai" in row.apis}
    assert VENDORS.keys() <= rows
    for name, vendor in VENDORS.items():
        calls = catalog.PROVIDERS[name].api(None, None).calls.keys()
        assert vendor.kinds == {"responses", "embeddings"} & calls, name


@pytest.mark.parametrize(("name", "kind"), ASKED)
def test_one_request_as_the_vendor_takes_it_gets_one_good_answer(name: str, kind: Kind) -> None:
    """Path, identity, headers and each field of the body are looked at there; a probe asks once and no more."""
    cloud = Cloud(name)
    result = ask(name, cloud, kind)
    assert (result.outcome, result.error) == (Outcome.OK, None)
    (asked,) = cloud.asked
    assert asked.headers["x-request-id"] == str(result.id)
    if kind in {"chat", "responses"}:
        assert result.ttft_s is not None
        assert result.output_tokens is not None
    if kind == "embeddings":
        assert (result.input_tokens, result.output_tokens, result.max_tokens) == (7, 0, None)


@pytest.mark.parametrize(
    ("kind", "code"), [("tools", "no_tool_call"), ("json", "no_json"), ("long-context", "needle")]
)
@pytest.mark.parametrize(("api", "recorded"), [("openai", "openai"), ("responses", "responses/plain")])
def test_what_is_asked_is_answered_by_either_api_and_pong_is_a_mismatch(
    api: str, recorded: str, kind: Kind, code: str
) -> None:
    pong = b"".join(streamed((STREAMS / f"{recorded}.sse").read_bytes()))
    cloud = Cloud("openai", pong)
    poor, able = ask("openai", cloud, kind, api=api), ask("openai", cloud, kind, api=api)
    assert (poor.outcome, poor.error_code) == (Outcome.MISMATCH, code)
    assert (able.outcome, able.error_code, len(cloud.asked)) == (Outcome.OK, None, 2)


@pytest.mark.parametrize("api", ["openai", "responses"])
def test_a_tool_is_forced_by_either_api(api: str) -> None:
    cloud = Cloud("openai")
    assert ask("openai", cloud, "tools", api=api).outcome is Outcome.OK
    body = json.loads(cloud.asked[0].body)
    assert cloud.asked[0].target == f"/v1/{'responses' if api == 'responses' else 'chat/completions'}"
    assert tasks.TOOL.name in json.dumps(body["tool_choice"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openrouter", {"backend": {"upstream": "Azure"}}),
        ("groq", {"server_s": 0.0325, "service_tier": "on_demand"}),
        ("cerebras", {"server_s": 0.25}),
        ("vllm", {"server_s": 0.25}),
        ("openai", {"service_tier": "default", "fingerprint": "fp_a1b2"}),
    ],
)
def test_an_answer_tells_who_served_it_and_in_which_time(name: str, expected: dict[str, Any]) -> None:
    result = ask(name, Cloud(name))
    assert {field: getattr(result, field) for field in expected} == expected


def test_headers_tell_edge_request_limits_and_the_servers_time() -> None:
    told = {
        "cf-ray": "9a1b2c-FRA",
        "x-request-id": "req_1",
        "openai-processing-ms": "212",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-tokens": "6m0s",
    }
    body = (STREAMS / "openai.sse").read_bytes()
    result = ask("openai", Cloud("openai", b"".join(streamed(body, **told))))
    assert (result.outcome, result.backend, result.server_s) == (Outcome.OK, {"edge": "FRA"}, 0.212)
    assert result.provider_request_id == "req_1"
    assert result.ratelimit == {"remaining_requests": 59.0, "reset_tokens_s": 360.0}


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_a_limit_is_told_with_its_wait_in_every_form_and_not_tried_again(
    headers: dict[str, str], wait_s: float | None
) -> None:
    cloud = Cloud("openai", refusal("429 Too Many Requests", headers, code="rate_limit_exceeded"))
    result = ask("openai", cloud)
    assert (result.outcome, result.error_code) == (Outcome.THROTTLED, "rate_limit_exceeded")
    assert (result.retry_after_s, len(cloud.asked)) == (wait_s, 1)


ARRAY = answer(b'[{"choices":[]}]', headers={"Content-Type": "application/json"})
CUT = head({"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}) + chunk(
    b'data: {"choices":[{"delta":{"content":"po"}}]}\n\n'
)


@pytest.mark.parametrize(
    ("fault", "outcome", "code"),
    [
        (refusal("500 Internal Server Error", type="server_error"), Outcome.SERVER_ERROR, "server_error"),
        (refusal("502 Bad Gateway", message="x"), Outcome.SERVER_ERROR, None),
        (refusal("503 Service Unavailable", code="server_is_overloaded"), Outcome.OVERLOADED, "server_is_overloaded"),
        (refusal("529 Overloaded", type="overloaded_error"), Outcome.OVERLOADED, "overloaded_error"),
        (ARRAY, Outcome.MALFORMED, None),
        (answer(b"<html>Sign in</html>", headers={"Content-Type": "text/html"}), Outcome.MALFORMED, None),
        (CUT, Outcome.TRUNCATED, None),
        (CUT + chunk(b""), Outcome.TRUNCATED, None),
        (
            b"".join(streamed((STREAMS / "vllm_error_then_done.sse").read_bytes())),
            Outcome.SERVER_ERROR,
            "InternalServerError",
        ),
    ],
    ids=["500", "502", "503", "529", "an array", "HTML", "reset", "no end mark", "error, then [DONE]"],
)  # fmt: skip
def test_a_fault_is_the_vendors_and_is_not_tried_again(
    fault: bytes, outcome: Outcome, code: str | None
) -> None:
    cloud = Cloud("vllm", fault)
    result = ask("vllm", cloud)
    assert (result.outcome, result.error_code, len(cloud.asked)) == (outcome, code, 1)


@pytest.mark.parametrize(
    ("name", "outcome", "code"),
    [
        ("failed", Outcome.SERVER_ERROR, "server_error"),
        ("failed_throttled", Outcome.THROTTLED, "rate_limit_exceeded"),
        ("error_event", Outcome.OVERLOADED, "server_is_overloaded"),
        ("error_event_nested", Outcome.QUOTA, "insufficient_quota"),
        ("incomplete_filter", Outcome.CONTENT_FILTER, "content_filter"),
        ("incomplete_length", Outcome.OK, None),
        ("empty", Outcome.EMPTY, None),
        ("truncated", Outcome.TRUNCATED, None),
        ("done_without_end", Outcome.TRUNCATED, None),
    ],
)
def test_a_response_that_fails_is_told_by_its_end(name: str, outcome: Outcome, code: str | None) -> None:
    body = (STREAMS / "responses" / f"{name}.sse").read_bytes()
    result = ask("openai", Cloud("openai", b"".join(streamed(body))), "responses")
    assert (result.outcome, result.error_code) == (outcome, code)


@pytest.mark.parametrize(
    ("vector", "outcome"),
    [
        ([], Outcome.EMPTY),
        (["x"], Outcome.MALFORMED),
        ([float("nan")], Outcome.MALFORMED),
        ([0.5], Outcome.OK),
    ],
)
def test_an_embedding_that_is_none_is_told(vector: list[Any], outcome: Outcome) -> None:
    body = json.dumps({"data": [{"embedding": vector}]}).encode()
    assert ask("openai", Cloud("openai", answer(body)), "embeddings").outcome is outcome


class Rotated(FakeSecrets):
    """Holds an outdated key until it is told to forget."""

    def __init__(self) -> None:
        super().__init__({"KEY": "sk-outdated"})

    def forget(self) -> None:
        super().forget()
        self._known = {"KEY": KEY}


def test_an_outdated_key_is_read_anew_once() -> None:
    cloud = Cloud("openai")
    result = ask("openai", cloud, secrets=Rotated())
    assert (result.outcome, len(cloud.asked)) == (Outcome.OK, 2)
    assert cloud.asked[0].headers["x-request-id"] == cloud.asked[1].headers["x-request-id"]


BAD = [
    ("openai", 401, {"code": "invalid_api_key"}, Outcome.CONFIG, "credentials.api_key of target bank"),
    ("openai", 401, {"code": "incorrect_hostname"}, Outcome.CONFIG, "kept in another region: write region: us, eu"),
    ("openai", 403, {"code": "unsupported_country_region_territory"}, Outcome.CONFIG, "nobody in the country"),
    ("openai", 404, {"code": "model_not_found"}, Outcome.CONFIG, "model the-model does not exist"),
    ("openai", 429, {"code": "insufficient_quota"}, Outcome.QUOTA, "see Billing and Limits"),
    ("openai", 429, {"code": "credit_balance_exhausted"}, Outcome.QUOTA, "see Billing and Limits"),
    ("openai", 429, {"code": "slow_down"}, Outcome.THROTTLED, "rose too fast"),
    ("openai", 503, {"code": "slow_down"}, Outcome.THROTTLED, "rose too fast"),
    ("openai", 503, {"code": "server_is_overloaded"}, Outcome.OVERLOADED, "another service tier"),
    ("mistral", 401, {"message": "Unauthorized"}, Outcome.CONFIG, "belongs to one workspace"),
    ("deepseek", 402, {"message": "Insufficient Balance"}, Outcome.QUOTA, "top it up"),
    ("qwen", 401, {"code": "invalid_api_key"}, Outcome.CONFIG, "a key belongs to one region"),
    ("qwen", 400, {"code": "Arrearage"}, Outcome.QUOTA, "owes money"),
    ("qwen", 400, {"code": "data_inspection_failed"}, Outcome.CONTENT_FILTER, "content filter"),
    ("qwen", 403, {"code": "AccessDenied.Unpurchased"}, Outcome.CONFIG, "activate Model Studio in ap-southeast-1"),
    ("xai", 403, {"message": "no credits"}, Outcome.CONFIG, "the spending limit of its team"),
    ("groq", 498, {"code": "capacity_exceeded"}, Outcome.OVERLOADED, "flex tier has no room"),
    ("together", 402, {"message": "no"}, Outcome.QUOTA, "the credit of the account"),
    ("fireworks", 404, {"message": "no"}, Outcome.CONFIG, "accounts/ACCOUNT/models/MODEL"),
    ("cerebras", 402, {"message": "no"}, Outcome.QUOTA, "a means of payment"),
    ("openrouter", 402, {"code": 402}, Outcome.QUOTA, "the limit of the key"),
    ("openrouter", 403, {"code": 403, "metadata": {"flagged_input": "x"}}, Outcome.CONTENT_FILTER, "tamer prompt"),
    ("openrouter", 503, {"code": 503}, Outcome.OVERLOADED, "meets the account's routing"),
    ("github", 403, {"message": "no"}, Outcome.CONFIG, "models: read"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "error", "outcome", "words"), BAD)
def test_bad_input_is_told_in_the_vendors_own_words(
    name: str, status: int, error: dict[str, Any], outcome: Outcome, words: str
) -> None:
    """One request, the right blame, a remedy, and never the key."""
    cloud = Cloud(name, refusal(f"{status} No", **error))
    result = ask(name, cloud, region="ap-southeast-1")
    assert (result.outcome, len(cloud.asked)) == (outcome, 1)
    assert words in (result.error or "")
    assert KEY not in str(result)
