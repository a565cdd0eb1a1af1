"""Cohere's base URL is taken with or without a version."""

import pytest

from probes import catalog
from probes.target import Kind, Target

HOST = "https://api.cohere.com"


@pytest.mark.parametrize(
    ("api", "base", "kind", "expected"),
    [
        (None, HOST, "chat", f"{HOST}/v2/chat"),
        (None, f"{HOST}/v2", "chat-sync", f"{HOST}/v2/chat"),
        (None, HOST, "models", f"{HOST}/v1/models"),
        (None, f"{HOST}/v2/", "models", f"{HOST}/v1/models"),
        ("openai", HOST, "chat", f"{HOST}/compatibility/v1/chat/completions"),
        ("openai", f"{HOST}/compatibility/v1", "models", f"{HOST}/v1/models"),
        (None, "https://gateway.bank/cohere", "models", "https://gateway.bank/cohere/v1/models"),
    ],
)
def test_a_call_goes_below_the_base_url(api: str | None, base: str, kind: Kind, expected: str) -> None:
    target = Target(
        name="t", provider="cohere", cloud="c", model="m", model_id="m", endpoint=base, group="m", api=api
    )
    assert catalog.url(target, kind) == expected
    assert catalog.default_endpoint("cohere") == HOST
