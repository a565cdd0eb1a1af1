"""What a million tokens cost: as configured, else from the offline table of genai-prices, else unknown."""

import functools
import importlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from probes.target import Price, Target

_SELLERS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "azure": "azure",
    "bedrock": "aws",
    "cerebras": "cerebras",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "together": "together",
    "vertex": "google",
    "xai": "x-ai",
}
"""Our provider -> that table's. Who serves a model himself has no price per token."""

_OWN_MACHINES = "endpoint"
"""The API of models that are deployed to machines of one's own, which cost by the hour (Vertex AI)."""

_OTHER_PRICES = (".azure.us", ".azure.cn")
_OTHER_REGIONS = ("cn-", "eu-iso", "eusc-", "us-gov-", "us-iso")
"""Sovereign clouds have price lists of their own, which the table lacks: unknown beats a commercial figure."""


def listed(target: Target, elsewhere: Iterable[str] = ()) -> Price | None:
    """Return the table's price of a target, never by way of the network; None is "price unknown".

    `elsewhere` is what other providers call the same model.
    """
    seller = _SELLERS.get(target.provider)
    if seller is None or target.simulated or target.api == _OWN_MACHINES or sovereign(target):
        return None
    # A deployment's name says nothing to the table where the logical name does, or what others call the model.
    # Google's libraries take a model with its publisher before it, which the table leaves out.
    names = dict.fromkeys((target.model_id, target.model_id.rpartition("/")[2], target.model, *elsewhere))
    found = (_lookup(seller, name) for name in names)
    return next((price for price in found if price is not None), None)


def sovereign(target: Target) -> bool:
    """Return whether a target stands in a sovereign cloud, which public tables know nothing of."""
    host = urlsplit(target.endpoint).hostname or ""
    places = (*host.split("."), target.region or "")
    return host.endswith(_OTHER_PRICES) or any(place.startswith(_OTHER_REGIONS) for place in places)


@functools.cache
def _lookup(seller: str, model: str) -> Price | None:
    # 1,000 tokens each: the lowest tier of a tiered price, which probes stay in, and exact in decimals.
    table = _table()
    try:
        found = table.calc_price(
            table.Usage(input_tokens=1000, output_tokens=1000), model, provider_id=seller
        )
    except LookupError:
        return None
    return Price(
        input=float(found.input_price * 1000), output=float(found.output_price * 1000), source=_source()
    )


@functools.cache
def _source() -> str:
    """Return the table's name and version, and the newest date on which it knows a price to have begun."""
    today = datetime.now(UTC).date()
    snapshot = importlib.import_module("genai_prices.data_snapshot").get_snapshot()
    newest = max(
        day
        for provider in snapshot.providers
        for model in provider.models
        for day in _days(model)
        if day <= today
    )
    return f"genai-prices {version('genai-prices')} ({newest.isoformat()})"


def _days(model: Any) -> Iterator[date]:
    prices = model.prices if isinstance(model.prices, list) else []
    for entry in (*prices, *(model.price_variants or ())):
        day = getattr(entry.constraint, "start_date", None)
        if day is not None:
            yield day


def _table() -> Any:
    # Read late: its import takes 0.4 s, which a plan of self-hosted or priced targets need not wait for.
    return importlib.import_module("genai_prices")
