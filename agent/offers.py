"""Which providers the environment holds credentials for, told by the names of variables alone."""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from agent.config import extras
from probes import catalog
from probes.provider import Provider


class Proof(NamedTuple):
    """A way of proving identity that a vendor's own library finds: variables that are all set where it is meant.

    `kind` stands under a target's `credentials`, `text` behind it.
    """

    variables: tuple[str, ...]
    kind: str
    text: str = "default"


class Place(NamedTuple):
    """A key of a target that says where or on whose account: the first variable that is set tells it.

    What a `literal` key may not hold as a reference is written out; that is a word and no secret.
    """

    key: str
    variables: tuple[str, ...]
    literal: bool = False
    default: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What a first target asks; `endpoint` where the provider has none of its own and the vendor hosts one.

    The key or endpoint that the row's `environment` names need no word here: `proofs` are the ways of proving
    identity beside a key, and `places` what a target has to say beyond. `id` is how a deployment may be called.
    """

    model: str
    id: str | None = None
    endpoint: str | None = None
    proofs: tuple[Proof, ...] = ()
    places: tuple[Place, ...] = ()


_AWS: Final = (
    Proof(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "aws"),
    Proof(("AWS_PROFILE",), "aws"),
    Proof(("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"), "aws"),
)
_AWS_REGION: Final = Place("region", ("AWS_REGION", "AWS_DEFAULT_REGION"), literal=True)

EXAMPLES: Final[Mapping[str, Example]] = {
    "openai": Example(model="gpt-5-nano"),
    "azure": Example(
        model="gpt-5-nano",
        id="gpt-5-nano",
        proofs=(Proof(("AZURE_CLIENT_ID", "AZURE_TENANT_ID"), "entra"),),
    ),
    "bedrock": Example(model="openai.gpt-oss-20b-1:0", proofs=_AWS, places=(_AWS_REGION,)),
    "vertex": Example(
        model="google/gemini-3.5-flash-lite",
        proofs=(Proof(("GOOGLE_APPLICATION_CREDENTIALS",), "google"),),
        places=(
            Place("project", ("GOOGLE_CLOUD_PROJECT",)),
            Place("region", ("GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_REGION"), literal=True, default="global"),
        ),
    ),
    "gemini": Example(model="gemini-3.5-flash-lite"),
    "anthropic": Example(model="claude-haiku-4-5"),
    "cohere": Example(model="command-r7b-12-2024"),
    "mistral": Example(model="mistral-small-latest"),
    "deepseek": Example(model="deepseek-v4-flash"),
    "qwen": Example(model="qwen-flash"),
    "xai": Example(model="grok-4-fast-non-reasoning"),
    "groq": Example(model="openai/gpt-oss-20b"),
    "together": Example(model="openai/gpt-oss-120b"),
    "fireworks": Example(model="accounts/fireworks/models/gpt-oss-20b"),
    "cerebras": Example(model="gpt-oss-120b"),
    "openrouter": Example(model="openai/gpt-5-nano"),
    "github": Example(model="openai/gpt-4.1-nano"),
    "nim": Example(model="meta/llama-3.1-8b-instruct", endpoint="https://integrate.api.nvidia.com/v1"),
}
"""By provider: a small model of each, to be changed by who reads the file."""

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}")
"""What may be written out of a variable: the name of a region, not whatever somebody put there."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A provider of which some usual variable is set; `missing` are those that are not.

    `keys` are what its target says beside provider and model, as YAML writes it.
    """

    provider: str
    set: tuple[str, ...]
    missing: tuple[str, ...] = ()
    keys: Mapping[str, str] = dataclasses.field(default_factory=dict)
    endpoint: bool = True
    """Whether it is known where to ask."""
    extra: str | None = None
    """The optional part that its identity needs and that is not installed."""

    @property
    def usable(self) -> bool:
        return not self.missing and self.endpoint and self.extra is None


def offers(environ: Mapping[str, str]) -> list[Offer]:
    """Return what the environment offers, in the order of the catalogue."""
    found = (_offer(name, provider, environ) for name, provider in catalog.PROVIDERS.items())
    return [offer for offer in found if offer is not None]


def proofs(name: str) -> tuple[Proof, ...]:
    """Return the ways of proving identity to a provider that variables tell of; a key comes first, as in vendors' own tools."""
    provider = catalog.PROVIDERS[name]
    keys = (Proof((variable,), kind, f'"${{{variable}}}"') for kind, variable in provider.environment.items())
    return tuple(way for way in (*keys, *example(name).proofs) if way.kind in provider.credentials)


def variables(name: str) -> tuple[str, ...]:
    """Return every variable that tells of a provider's address or identity."""
    addresses = catalog.PROVIDERS[name].environment.values()
    return tuple(dict.fromkeys((*addresses, *(each for way in proofs(name) for each in way.variables))))


def example(name: str) -> Example:
    return EXAMPLES.get(name, Example(model="my-model"))


def _offer(name: str, provider: Provider, environ: Mapping[str, str]) -> Offer | None:
    address = provider.environment.get("endpoint")
    way = _way(proofs(name), environ)
    wanted = (*((address,) if address else ()), *(way.variables if way else ()))
    held = _held(wanted, environ)
    if not held:
        return None
    places = {place: _told(place, environ) for place in example(name).places}
    keys = {"endpoint": f'"${{{address}}}"' if address else example(name).endpoint}
    keys |= {place.key: text for place, text in places.items()}
    keys["credentials"] = f"{{{way.kind}: {way.text}}}" if way else None
    return Offer(
        provider=name,
        set=held,
        missing=(
            *(variable for variable in wanted if variable not in held),
            *(place.variables[0] for place, text in places.items() if text is None),
        ),
        keys={key: text for key, text in keys.items() if text is not None},
        endpoint=bool(keys["endpoint"] or keys.get("region") or catalog.default_endpoint(name)),
        extra=extras.missing(way.kind) if way else None,
    )


def _way(ways: Sequence[Proof], environ: Mapping[str, str]) -> Proof | None:
    """Return the way that is there as a whole, else one that is there in part, else the usual one."""
    whole = (way for way in ways if _held(way.variables, environ) == way.variables)
    part = (way for way in ways if _held(way.variables, environ))
    return next((way for found in (whole, part, ways) for way in found), None)


def _told(place: Place, environ: Mapping[str, str]) -> str | None:
    """Return what the environment says of a key, as YAML writes it; None where it says nothing of use."""
    for variable in place.variables:
        value = environ.get(variable, "")
        if value and not place.literal:
            return f'"${{{variable}}}"'
        if _WORD.fullmatch(value):
            return f"{value} # as {variable} says"
    return place.default


def _held(variables: Sequence[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(variable for variable in variables if environ.get(variable))


def told(found: Sequence[Offer]) -> Iterator[str]:
    """Yield what was found, one line a provider; no value is told."""
    if not found:
        yield "No usual variable of any provider is set."
    for offer in found:
        held = " and ".join(offer.set)
        if offer.missing:
            yield f"Found {held}, not used: {offer.provider} needs {' and '.join(offer.missing)} too."
        elif offer.extra is not None:
            yield f"Found {held}, not used: {offer.provider} needs more for it: {extras.remedy(offer.extra)}"
        elif not offer.endpoint:
            yield f"Found {held}, not used: say in the file where your {offer.provider} is served."
        else:
            yield f"Found {held}: a target of provider {offer.provider}."
