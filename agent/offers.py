"""Which providers the environment holds credentials for, told by the names of variables alone."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from probes import catalog
from probes.provider import Provider


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What a first target asks; `endpoint` where the provider has none of its own and the vendor hosts one."""

    model: str
    endpoint: str | None = None


EXAMPLES: Final[Mapping[str, Example]] = {
    "openai": Example(model="gpt-5-nano"),
    "azure": Example(model="gpt-5-nano"),
    "anthropic": Example(model="claude-haiku-4-5"),
    "gemini": Example(model="gemini-2.5-flash-lite"),
    "mistral": Example(model="mistral-small-latest"),
    "deepseek": Example(model="deepseek-chat"),
    "qwen": Example(model="qwen-flash"),
    "xai": Example(model="grok-4-fast-non-reasoning"),
    "groq": Example(model="openai/gpt-oss-20b"),
    "together": Example(model="openai/gpt-oss-20b"),
    "fireworks": Example(model="accounts/fireworks/models/gpt-oss-20b"),
    "cerebras": Example(model="gpt-oss-120b"),
    "openrouter": Example(model="openai/gpt-5-nano"),
    "github": Example(model="openai/gpt-4.1-nano"),
    "cohere": Example(model="command-r7b-12-2024"),
    "nim": Example(model="meta/llama-3.1-8b-instruct", endpoint="https://integrate.api.nvidia.com/v1"),
}
"""By provider: a small model of each, to be changed by who reads the file."""

LATER: Final[Mapping[str, str]] = {
    "AWS_ACCESS_KEY_ID": "bedrock",
    "AWS_BEARER_TOKEN_BEDROCK": "bedrock",
}
"""Usual variables of providers of later versions."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A provider of which some usual variable is set; `missing` are those that are not."""

    provider: str
    set: tuple[str, ...]
    missing: tuple[str, ...] = ()
    endpoint: bool = True
    """Whether it is known where to ask."""
    later: bool = False

    @property
    def usable(self) -> bool:
        return not self.missing and self.endpoint and not self.later


def offers(environ: Mapping[str, str]) -> list[Offer]:
    """Return what the environment offers, in the order of the catalogue."""
    found = [
        offer
        for name, provider in catalog.PROVIDERS.items()
        if (offer := _offer(name, provider, environ)) is not None
    ]
    for variable, name in LATER.items():
        if environ.get(variable) and name not in catalog.PROVIDERS:
            found.append(Offer(provider=name, set=(variable,), later=True))
    return found


def _offer(name: str, provider: Provider, environ: Mapping[str, str]) -> Offer | None:
    variables = tuple(provider.environment.values())
    held = tuple(variable for variable in variables if environ.get(variable))
    if not held:
        return None
    example = EXAMPLES.get(name)
    known = (
        catalog.default_endpoint(name) or "endpoint" in provider.environment or (example and example.endpoint)
    )
    return Offer(
        provider=name,
        set=held,
        missing=tuple(variable for variable in variables if variable not in held),
        endpoint=bool(known),
    )


def told(found: Sequence[Offer]) -> Iterator[str]:
    """Yield what was found, one line a provider; no value is told."""
    if not found:
        yield "No usual variable of any provider is set."
    for offer in found:
        held = " and ".join(offer.set)
        if offer.later:
            yield f"Found {held}, not used: provider {offer.provider} is not yet in this version."
        elif offer.missing:
            yield f"Found {held}, not used: {offer.provider} needs {' and '.join(offer.missing)} too."
        elif not offer.endpoint:
            yield f"Found {held}, not used: say in the file where your {offer.provider} is served."
        else:
            yield f"Found {held}: a target of provider {offer.provider}."
