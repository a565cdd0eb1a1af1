"""What a row of the catalogue says of a provider: how it is spoken to, who signs, and where it tells who served."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Final

from probes import residency
from probes.base import Dialect, Signer
from probes.gateways import Gateway
from probes.target import Kind


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """How one kind of probe is asked.

    `path` stands below the API's root; `{model}`, `{region}`, `{project}`, `{compartment}` and `{version}` in it
    are those of the target, percent-encoded, and `{publisher}` and `{name}` those of a model that is written
    `publisher/name`. `root` replaces the API's; `host` is (pattern, replacement) for a call that is answered by
    another of the vendor's hosts, where the endpoint's own path does not hold, and leaves any other host as it is.
    `identities` are the kinds of credentials that it takes, where these are fewer than the provider's.
    """

    dialect: Dialect
    path: str
    root: str | None = None
    host: tuple[str, str] | None = None
    identities: tuple[str, ...] = ()


def generating(dialect: Dialect, path: str, sync: str | None = None) -> dict[Kind, Call]:
    """Return the calls of a dialect that generates; `sync` is the path of an answer in one piece, where it differs."""
    streamed: tuple[Kind, ...] = ("chat", "tools", "json", "throughput", "long-context")
    calls = dict.fromkeys(streamed, Call(dialect, path))
    return calls | {"chat-sync": Call(dialect, path if sync is None else sync)}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One of the ways in which a provider is spoken to.

    `root` is the path below the host at which the API begins. `endpoints` are its addresses where the user names
    none: the first whose pattern is the target's whole region ("" without one) holds; in it `{region}` is that
    region, and `{fips}` is `-fips` where the target wants such a host. `signer` and `endpoints` of an API stand
    for those of its provider, and its `headers` go with every request beside the provider's. `version` is the
    `{version}` of a target that says none, and `versions` says that an `api_version` is taken. `reasoning` says whether a
    probe's `reasoning` is sent. `families` is the pattern of the ids of models that it takes; None is any.
    """

    root: str
    calls: Mapping[Kind, Call]
    endpoints: Mapping[str, str] = dataclasses.field(default_factory=dict)
    signer: Signer | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    version: str | None = None
    versions: bool = False
    reasoning: bool = True
    families: str | None = None

    def takes(self, model_id: str) -> bool:
        """Return whether a model of this id is of a family that it takes; an ARN does not tell its family."""
        return (
            self.families is None
            or model_id.startswith("arn:")
            or re.fullmatch(self.families, model_id) is not None
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One row.

    `apis` are the ways in which it is spoken to, by the name that a target's `api` selects; the first is the usual
    one, and `dated` the one that an `api_version` selects.
    `needs` names the keys of a target without which there is no URL (`region`, `project`, `compartment`);
    `regions` are those that people mean, by the short names that the vendor has for them;
    `fips` says that there are hosts with validated cryptography, and `validated` is the
    pattern of regions where every host has it, though none says so by its name. `credentials` are the kinds that it takes, `choices`
    the words that one may be, where these are few, `anonymous` whether it answers without any, `environment` which variable usually holds which, `extra` the
    optional part of the distribution that its identity needs.
    `backend` maps response headers to what they tell of who served, and `geo` says that an answer's usage tells where; `request_id` and `server_ms` name headers,
    the first that is there wins, and so does `gateway_ms` (what a gateway took for itself). `headers` go with every
    request and hold the same places as a call's path, and `id_headers` carry our own id beside `x-request-id`. `gateway` says how an answer tells what a
    gateway did itself; None where none is expected. `remedies` are what to do in the vendor's own words, by an
    error's lower-cased name or a status (probes/outcome.py), and `told` finds such a name in an error's text (pattern and
    name, the first that is found) where the vendor's own name for it means many things. `otel` is the value of `gen_ai.provider.name`,
    `degraded` names backend facts whose presence says that a good answer was not served as it was bought.
    """

    cloud: str
    apis: Mapping[str, Api]
    signer: Signer
    otel: str
    endpoints: Mapping[str, str] = dataclasses.field(default_factory=dict)
    needs: tuple[str, ...] = ()
    regions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    fips: bool = False
    validated: str | None = None
    credentials: tuple[str, ...] = ("api_key", "token", "token_file")
    choices: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    anonymous: bool = False
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    extra: str | None = None
    traceparent: bool = False
    backend: Mapping[str, str] = dataclasses.field(default_factory=dict)
    geo: bool = False
    degraded: tuple[str, ...] = ()
    request_id: tuple[str, ...] = ("x-request-id",)
    server_ms: tuple[str, ...] = ()
    gateway_ms: tuple[str, ...] = ()
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    id_headers: tuple[str, ...] = ()
    gateway: Gateway | None = None
    told: tuple[tuple[str, str], ...] = ()
    remedies: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def tells_region(self) -> bool:
        """Return whether an answer may tell in which region it was served."""
        return self.geo or not set(residency.TOLD_BY).isdisjoint(self.backend.values())

    @property
    def usual(self) -> str:
        """Return the name of the usual API."""
        return next(iter(self.apis))

    def api(self, name: str | None, version: str | None) -> Api:
        """Return the API that a target's `api` and `api_version` select; `KeyError` where there is none of that name."""
        if name is None and version is not None and DATED in self.apis:
            return self.apis[DATED]
        return self.apis[name or self.usual]

    def endpoint(self, api: Api, region: str | None, *, fips: bool = False) -> str | None:
        """Return the address of an API in a region, None where only the user knows it or there is none such."""
        for pattern, address in (api.endpoints or self.endpoints).items():
            if re.fullmatch(pattern, region or ""):
                if fips and "{fips}" not in address:
                    return None
                return address.format(region=region, fips="-fips" if fips else "")
        return None

    def named(self, text: str | None) -> str | None:
        """Return what an error is by its text, None where that says no more than its name."""
        return next((name for pattern, name in self.told if re.search(pattern, text or "")), None)


DATED: Final = "dated"
"""The API of an older URL shape, which an `api_version` selects."""

ANYWHERE: Final = ".*"
"""The pattern of an address that holds in any region, and without one."""
