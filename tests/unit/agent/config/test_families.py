"""Which family of models an API takes stands in the catalogue; another one is warned of, with the API to write."""

import pytest

from support.configuration import loaded

BEDROCK = "provider: bedrock, region: us-east-1, credentials: {aws: default}, model: m"
VERTEX = "provider: vertex, region: us-east1, project: p, credentials: {google: default}, model: m"


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (f"{BEDROCK}, api: invoke, id: amazon.nova-micro-v1:0", "write api: converse"),
        (f"{BEDROCK}, api: openai, id: us.anthropic.claude-x", "write api: converse"),
        (f"{BEDROCK}, api: anthropic-invoke, id: meta.llama3-x", "write api: converse"),
        (f"{VERTEX}, id: anthropic/claude-x", "write api: anthropic"),
        (f"{VERTEX}, api: generate, id: openai/gpt-oss-120b-maas", "write api: openai"),
        (f"{VERTEX}, api: anthropic, id: google/gemini-x", "write api: openai"),
    ],
)
def test_a_family_that_an_api_does_not_take_is_warned_of(target: str, told: str) -> None:
    (warning,) = loaded(f"targets: [{{name: t, {target}}}]", no_secrets=True).warnings
    assert "does not take models of the family of" in warning
    assert warning.endswith(told)


@pytest.mark.parametrize(
    "target",
    [
        f"{BEDROCK}, id: us.anthropic.claude-x",
        f"{BEDROCK}, api: invoke, id: 'openai.gpt-oss-20b-1:0'",
        f"{BEDROCK}, api: anthropic-invoke, id: 'arn:aws:bedrock:us-east-1:1:inference-profile/x'",
        f"{VERTEX}, api: generate, id: google/gemini-x",
        f"{VERTEX}, api: anthropic, id: claude-x",
    ],
)
def test_one_that_it_takes_or_that_does_not_tell_is_not(target: str) -> None:
    assert loaded(f"targets: [{{name: t, {target}}}]", no_secrets=True).warnings == ()
