"""What gateways tell, from whole answers as they were recorded on the wire, through the real transport.

Recorded from LiteLLM 1.108.7 and Portkey's gateway 1.15.2, in front of a real model and of servers that fail.
"""

import asyncio
import pathlib
from typing import Any

import pytest

from probes.result import Outcome, ProbeResult
from support.pieces import Answer, Told, answered, verdict

ANSWERS = pathlib.Path(__file__).parents[1] / "streams" / "gateways"
CONFIG, ERROR, THROTTLED = Outcome.CONFIG, Outcome.SERVER_ERROR, Outcome.THROTTLED

FAILING: dict[str, tuple[Outcome, str | None, str, str]] = {
    # recorded answer: outcome, error code, where it failed, and what the sentence says
    "litellm_upstream_500": (ERROR, "InternalServerError", "upstream", "(what is behind the gateway): it failed"),
    "litellm_upstream_401": (CONFIG, "AuthenticationError", "upstream", "check the key that the gateway holds"),
    "litellm_died": (ERROR, "APIConnectionError", "upstream", "inside its answer (what is behind the gateway)"),
    "litellm_context": (CONFIG, "ContextWindowExceededError", "gateway", "the request was refused"),
    "litellm_quota": (Outcome.QUOTA, "insufficient_quota", "upstream", "top it up"),
    "litellm_unreached": (ERROR, "InternalServerError", "unreached", "check the address that the gateway has"),
    "litellm_timeout": (ERROR, "Timeout", "unreached", "no answer from behind it"),
    "litellm_unknown_model": (CONFIG, "invalid_request_error", "gateway", "Invalid model name"),
    "litellm_wrong_key": (CONFIG, "no_db_connection", "gateway", "(the gateway itself)"),
    "litellm_own_limit": (THROTTLED, "rate_limit_error", "gateway", "its rate limit is reached"),
    "litellm_cooldown": (Outcome.OVERLOADED, "all_deployments_in_cooldown", "gateway", "look at the gateway's log"),
    "portkey_upstream_429": (THROTTLED, "rate_limit_exceeded", "upstream", "openai error: upstream says 429"),
    "portkey_upstream_502": (ERROR, None, "upstream", 'it says: "Bad gateway"'),
    "portkey_retries": (ERROR, "server_error", "upstream", "(what is behind the gateway): it failed"),
    "portkey_unreached": (ERROR, None, "unreached", "ECONNREFUSED"),
    "portkey_timeout": (ERROR, "timeout_error", "unreached", "check the address that the gateway has"),
    "portkey_bad_config": (CONFIG, None, "gateway", "Invalid config passed"),
    "portkey_no_provider": (CONFIG, None, "gateway", "x-portkey-provider header is required"),
}  # fmt: skip

LITELLM_FACTS = {"retries": "0", "fallbacks": "0", "version": "1.108.7"}
PORTKEY_FACTS = {"upstream": "openai", "option": "config", "retries": "0", "cache": "DISABLED"}
FACTS: dict[str, dict[str, str]] = {
    "litellm_model": LITELLM_FACTS | {"group": "real", "model": "openai/smollm2"},
    "litellm_fallback": LITELLM_FACTS | {"group": "mock", "fallbacks": "1"},
    "litellm_cached": LITELLM_FACTS | {"group": "mock", "model": "openai/x"},
    "portkey_model": PORTKEY_FACTS,
    "portkey_fallback": PORTKEY_FACTS | {"option": "config.targets[1]"},
    "portkey_cut": PORTKEY_FACTS,
    "portkey_retries": PORTKEY_FACTS | {"retries": "-1", "failed_at": "upstream"},
}


def recorded(name: str) -> bytes:
    return (ANSWERS / f"{name}.http").read_bytes()


def tell(name: str, *answers: Answer, provider: str | None = None) -> list[Told]:
    return asyncio.run(answered(answers, provider=provider or name.partition("_")[0]))


def result(name: str, whole: bytes | None = None, provider: str | None = None) -> ProbeResult:
    return tell(name, Answer([whole or recorded(name)]), provider=provider)[0].result


def test_every_recorded_answer_is_expected_and_every_expectation_recorded() -> None:
    """None lies there unread."""
    assert {path.stem for path in ANSWERS.glob("*.http")} == {*FAILING, *FACTS}


@pytest.mark.parametrize("name", FAILING)
def test_a_failing_tells_where_it_happened(name: str) -> None:
    """In the gateway, behind it, or between the two: as an outcome, a code, a fact and a sentence."""
    outcome, code, place, words = FAILING[name]
    told = result(name)
    assert (told.outcome, told.error_code, told.backend["failed_at"]) == (outcome, code, place)
    assert words in (told.error or "")


@pytest.mark.parametrize("name", FACTS)
def test_an_answer_tells_who_served_it_and_what_the_gateway_did(name: str) -> None:
    """A retry or a fallback that happened is to be seen."""
    backend = result(name).backend
    assert {fact: backend.get(fact) for fact in FACTS[name]} == FACTS[name]
    assert ("failed_at" in backend) == (name in FAILING)


@pytest.mark.parametrize(
    ("name", "input_tokens", "output_tokens", "chunks"),
    [("litellm_model", 43, 3, 3), ("litellm_fallback", 14, 2, 3), ("portkey_model", 34, 3, 3)],
)
def test_an_answer_is_read_to_its_end_with_its_tokens(
    name: str, input_tokens: int, output_tokens: int, chunks: int
) -> None:
    """LiteLLM's usage comes in a chunk with one empty choice, Portkey's in one with none."""
    told = result(name)
    assert told.outcome is Outcome.OK
    assert "gateway_cache" not in told.quality_reasons
    assert (told.input_tokens, told.output_tokens, len(told.chunks)) == (input_tokens, output_tokens, chunks)


@pytest.mark.parametrize(
    "name", ["litellm_wrong_key", "litellm_own_limit", "portkey_bad_config", "portkey_cut"]
)
def test_a_cut_at_any_position_changes_nothing(name: str) -> None:
    """Head and body alike; what is cut short by the server itself stays so."""
    whole = recorded(name)
    first, *others = tell(
        name, Answer([whole]), *(Answer([whole[:at], whole[at:]]) for at in range(1, len(whole)))
    )
    said = seen(first)
    assert [at for at, told in enumerate(others, 1) if seen(told) != said] == []


def seen(told: Told) -> dict[str, Any]:
    return verdict(told.result) | {"backend": told.result.backend}


@pytest.mark.parametrize("provider", ["litellm", "openai-compatible"])
def test_an_answer_out_of_litellms_cache_is_good_and_its_latency_nobodys(provider: str) -> None:
    """Kept, counted for availability, and left out of latencies: also where only the user knows it for a gateway."""
    told = result("litellm_cached", provider=provider)
    assert (told.outcome, told.meaning.good, told.trusted) == (Outcome.OK, True, False)
    assert "gateway_cache" in told.quality_reasons


@pytest.mark.parametrize("provider", ["portkey", "openai-compatible"])
@pytest.mark.parametrize(
    ("status", "cached"), [("HIT", True), ("SEMANTIC HIT", True), ("MISS", False), ("REFRESH", False)]
)
def test_portkeys_cache_says_whose_the_answer_is(provider: str, status: str, *, cached: bool) -> None:
    """Its hosted gateway has a cache; the one that anybody can run says DISABLED."""
    whole = recorded("portkey_model").replace(b"status: DISABLED", f"status: {status}".encode())
    assert ("gateway_cache" in result("portkey_model", whole, provider).quality_reasons) == cached


def test_portkeys_own_exception_is_known_by_its_header() -> None:
    """It comes with the name of the provider, that was not asked."""
    body = b'{"status":"failure","message":"Something went wrong"}'
    head = b"x-portkey-gateway-exception: true\r\nx-portkey-provider: openai\r\n"
    whole = b"HTTP/1.1 500 Oops\r\n%scontent-length: %d\r\n\r\n%s" % (head, len(body), body)
    told = result("portkey", whole)
    assert (told.outcome, told.backend["failed_at"]) == (ERROR, "gateway")
    assert "(the gateway itself): look at the gateway's log" in (told.error or "")


def test_litellms_spent_budget_is_a_quota() -> None:
    """It answers 429 with a type of its own: no limit that passes by itself."""
    body = b'{"error":{"message":"Budget has been exceeded! Current cost: 2.0, Max budget: 1.0","type":"budget_exceeded","param":null,"code":"429"}}'
    whole = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    told = result("litellm", whole)
    assert (told.outcome, told.error_code) == (Outcome.QUOTA, "budget_exceeded")
    assert told.backend == {"failed_at": "gateway"}


def test_times_and_waits_come_from_the_gateways_headers() -> None:
    """What it took for itself, what it says that the whole took, and how long its upstream wants one to wait."""
    told = result("litellm_model")
    assert told.gateway_s is not None
    assert told.server_s is not None
    assert 0 < told.gateway_s < told.server_s
    assert result("litellm_upstream_500").retry_after_s == 7.0
    assert result("litellm_cooldown").retry_after_s == 7.0
    assert result("portkey_upstream_429").retry_after_s == 7.0


def test_ids_lead_to_the_provider_where_it_named_one_and_else_to_the_gateway() -> None:
    """Our own id is in the gateway's logs already: it is sent as the gateway's."""
    assert result("litellm_upstream_500").provider_request_id == "up-1"
    assert result("litellm_unreached").provider_request_id == "0190a0b1-c2d3-7e4f-8a5b-6c7d8e9fa0b1"
    assert result("portkey_upstream_429").provider_request_id == "up-1"


def test_a_vendors_own_answer_tells_of_no_gateway() -> None:
    """A provider that is asked directly has no such fact."""
    assert result("litellm_upstream_500", provider="openai-compatible").backend.get("failed_at") is None
