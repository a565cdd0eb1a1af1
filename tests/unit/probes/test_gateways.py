"""Where a failing happened: the first sign that holds decides, and without any it was the gateway."""

import pytest

from probes.gateways import ANY, LITELLM, PORTKEY, Failing, Gateway
from probes.result import Outcome


@pytest.mark.parametrize(
    ("gateway", "headers", "text", "place"),
    [
        (LITELLM, {"llm_provider-date": "x"}, "litellm.Timeout: cut", "upstream"),
        (LITELLM, {}, "litellm.InternalServerError: OpenAIException - Connection error.", "unreached"),
        (LITELLM, {}, "litellm.APIConnectionError: OllamaException - no route", "unreached"),
        (LITELLM, {}, "litellm.RateLimitError: AzureException RateLimitError - slow down", "upstream"),
        (LITELLM, {}, "Response payload is not completed: <TransferEncodingError: 400>", "upstream"),
        (LITELLM, {}, "litellm.UnsupportedParamsError: openai does not support parameters: x", "gateway"),
        (LITELLM, {}, "litellm.RateLimitError: Deployment over user-defined ratelimit.", "gateway"),
        (LITELLM, {}, "Internal Server Error", "gateway"),
        (LITELLM, {}, "my prompt says litellm.Timeout: ...", "gateway"),
        (PORTKEY, {"x-portkey-provider": "openai"}, "openai error: no", "upstream"),
        (PORTKEY, {"x-portkey-provider": "a", "x-portkey-gateway-exception": "true"}, "no", "gateway"),
        (PORTKEY, {"x-portkey-provider": "a"}, "Message: fetch failed Cause: ...", "unreached"),
        (PORTKEY, {}, "Invalid provider passed", "gateway"),
        (PORTKEY, {}, "", "gateway"),
    ],
)
def test_the_first_sign_that_holds_decides(
    gateway: Gateway, headers: dict[str, str], text: str, place: str
) -> None:
    failing = gateway.failing(headers, text)
    assert failing is not None
    assert failing.place == place


def test_a_server_that_may_be_any_gateway_says_nothing_of_the_place() -> None:
    assert ANY.failing({"llm_provider-date": "x"}, "litellm.Timeout: cut") is None
    assert ANY.cached({"x-litellm-cache-key": "51b3"})
    assert ANY.cached({"x-portkey-cache-status": "HIT"})
    assert not ANY.cached({"x-portkey-cache-status": "DISABLED", "x-litellm-cache-key": ""})


@pytest.mark.parametrize(
    ("failing", "outcome", "status", "words"),
    [
        (Failing("unreached", holds_keys=False), Outcome.SERVER_ERROR, 500, "its way there"),
        (Failing("upstream", holds_keys=True), Outcome.CONFIG, 401, "the key that the gateway holds"),
        (Failing("upstream", holds_keys=False), Outcome.CONFIG, 401, None),
        (Failing("upstream", holds_keys=True), Outcome.CONFIG, 400, None),
        (Failing("gateway", holds_keys=True), Outcome.OVERLOADED, 429, "look at the gateway's log"),
        (Failing("gateway", holds_keys=True), Outcome.CONFIG, 401, None),
    ],
)
def test_a_remedy_differs_where_the_gateway_is_what_to_look_at(
    failing: Failing, outcome: Outcome, status: int, words: str | None
) -> None:
    remedy = failing.remedy(outcome, status)
    assert (words or "") in (remedy or "")
    assert (remedy is None) == (words is None)
