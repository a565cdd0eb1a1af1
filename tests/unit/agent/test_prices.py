"""Prices from the offline table."""

import dataclasses

import pytest

from agent import prices
from probes.target import Target

OPENAI = Target(
    name="a",
    provider="openai",
    cloud="openai",
    model="gpt-5-nano",
    model_id="gpt-5-nano",
    endpoint="https://api.openai.com/v1",
    group="a",
)


NOVA = {
    "provider": "bedrock",
    "model": "nova",
    "model_id": "eu.amazon.nova-micro-v1:0",
    "endpoint": "https://bedrock-runtime.eu-central-1.amazonaws.com",
}


def test_an_inference_profile_has_the_price_of_its_model() -> None:
    price = prices.listed(dataclasses.replace(OPENAI, **NOVA))  # type: ignore[arg-type]
    assert price is not None
    assert (price.input, price.output) == (0.035, 0.14)


def test_a_listed_price_names_its_source_and_date() -> None:
    price = prices.listed(OPENAI)
    assert price is not None
    assert (price.input, price.output) == (0.05, 0.4)
    assert price.source.startswith("genai-prices 0.")
    assert price.source.endswith(")")
    assert price.source[-5:-1].replace("-", "").isdigit()


@pytest.mark.parametrize(
    ("provider", "model"),
    [("xai", "grok-3"), ("groq", "openai/gpt-oss-20b"), ("openrouter", "openai/gpt-5-nano")],
)
def test_each_seller_has_its_own_list(provider: str, model: str) -> None:
    sold = prices.listed(dataclasses.replace(OPENAI, provider=provider, model=model, model_id=model))
    assert sold is not None
    assert 0 < sold.input < sold.output


def test_a_deployment_has_the_price_of_its_logical_model() -> None:
    azure = dataclasses.replace(
        OPENAI, provider="azure", model_id="nano-prod", endpoint="https://bank.openai.azure.com"
    )
    assert prices.listed(azure) == prices.listed(OPENAI)


def test_a_deployment_of_a_listed_model_has_the_price_under_any_name_of_it() -> None:
    """Logical name and deployment say nothing to the table; what another provider calls the model does."""
    azure = dataclasses.replace(
        OPENAI, provider="azure", model="nano", model_id="nano-prod", endpoint="https://bank.openai.azure.com"
    )
    assert prices.listed(azure) is None
    assert prices.listed(azure, ["bank/nano", "gpt-5-nano"]) == prices.listed(OPENAI)


@pytest.mark.parametrize(
    "other",
    [
        {"provider": "vllm"},
        {"model": "no-such", "model_id": "no-such"},
        {"simulated": True},
        {"provider": "azure", "endpoint": "https://bank.openai.azure.us"},
        {**NOVA, "endpoint": "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com"},
        {**NOVA, "endpoint": "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"},
        {**NOVA, "endpoint": "https://private.bank", "region": "eusc-de-east-1"},
    ],
)
def test_what_the_table_does_not_know_is_unknown(other: dict[str, object]) -> None:
    assert prices.listed(dataclasses.replace(OPENAI, **other)) is None  # type: ignore[arg-type]


def test_a_model_with_its_publisher_before_it_is_googles_own_and_one_on_own_machines_has_no_price() -> None:
    gemini = dataclasses.replace(
        OPENAI, provider="gemini", model="gemini-2.5-flash", model_id="gemini-2.5-flash"
    )
    vertex = dataclasses.replace(gemini, provider="vertex", model="f", model_id="google/gemini-2.5-flash")
    assert prices.listed(vertex) == prices.listed(gemini) is not None
    assert prices.listed(dataclasses.replace(vertex, api="endpoint")) is None
